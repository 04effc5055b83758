import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Refusal } from './refusal.ts'
import type { ScrapeAnswer } from './scrape-answer.ts'

/** Most that is written at a time, in bytes: a client that takes so much in a second is not taken for one that does nothing. */
const PIECE_BYTES = 64 * 1024

/**
 * The response to one request, up to its end, however that comes: taken by the client, given up by it or by us.
 *
 * INVARIANT: an answer that was handed to {@link send} is released once, and no byte of it is read after that: not before
 * the kernel has all of it, or the connection is closed.
 */
export class Reply {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #timeoutMillis: number
  readonly #whenOver: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #isOver = false
  /** When the client last took something of an answer, in the time of `performance.now()`. */
  #movedMillis = Number.POSITIVE_INFINITY

  /** @param timeoutMillis how long the client may take for the response once it begins */
  constructor(request: IncomingMessage, response: ServerResponse, timeoutMillis: number) {
    this.#request = request
    this.#response = response
    this.#timeoutMillis = timeoutMillis
    const end = () => this.#end()
    response.on('finish', end)
    response.on('close', end)
    // 'close' follows.
    response.on('error', () => {})
    // In Node.js 20, a response that waits behind another one never hears that the connection is closed; its request does.
    request.on('close', () => {
      if (request.socket.destroyed) this.#end()
    })
    if (response.closed || request.socket.destroyed) this.#end()
  }

  /** Whether there is nobody left to answer, or somebody else has. */
  get isOver(): boolean {
    return this.#isOver || this.#response.headersSent || this.#request.socket.destroyed
  }

  /** For how long the client has taken nothing of an answer that it could have, in ms; negative where there is none. */
  get stalledMillis(): number {
    return performance.now() - this.#movedMillis
  }

  /** Has `callback` called at the end, or now if that is past. */
  whenOver(callback: () => void): void {
    if (this.#isOver) callback()
    else this.#whenOver.push(callback)
  }

  /** Has the connection closed after the response. */
  beLast(): void {
    if (!this.isOver) this.#response.setHeader('Connection', 'close')
  }

  /** Answers with metrics, or with their headers only, for HEAD. Releases the answer in any case. */
  send(answer: ScrapeAnswer): void {
    const isTooLate = this.isOver
    this.whenOver(() => answer.release())
    if (isTooLate) {
      this.#end()
      return
    }
    const { contentType, contentEncoding, bytes, chunks } = answer
    this.#response.writeHead(200, {
      'Content-Type': contentType,
      ...(contentEncoding !== undefined && { 'Content-Encoding': contentEncoding }),
      'Content-Length': bytes,
      Vary: 'Accept, Accept-Encoding',
      'Cache-Control': 'no-store',
    })
    this.#limit()
    if (this.#request.method === 'HEAD') this.#response.end()
    else this.#write(chunks)
  }

  refuse({ status, text, headers }: Refusal): void {
    if (this.isOver) {
      this.#end()
      return
    }
    const line = `${text}\n`
    this.#response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(line),
      'Cache-Control': 'no-store',
      ...headers,
    })
    this.#limit()
    this.#response.end(line)
  }

  /** Closes the connection, where a response that has begun cannot be told that it failed. */
  destroy(): void {
    const { socket } = this.#request
    if (socket.destroyed) this.#end()
    else socket.once('close', () => this.#end()).destroy()
  }

  /** Writes as fast as the client takes it. When it is gone, 'drain' never comes, and neither does the rest. */
  #write(chunks: readonly Uint8Array[]): void {
    const response = this.#response
    const pieces = piecesOf(chunks)
    const writeMore = (): void => {
      this.#movedMillis = performance.now()
      for (let piece = pieces.next(); !piece.done; piece = pieces.next()) if (!response.write(piece.value)) return
      response.off('drain', writeMore)
      response.end()
    }
    // Not once for each: middleware that compresses keeps every listener it is given.
    response.on('drain', writeMore)
    writeMore()
  }

  /** From now on the client has to take what it gets. */
  #limit(): void {
    this.#timer = setTimeout(() => this.destroy(), this.#timeoutMillis)
    this.#timer.unref()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    for (const callback of this.#whenOver.splice(0)) callback()
  }
}

function* piecesOf(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
  }
}
