import type { IncomingMessage, ServerResponse } from 'node:http'
import { report } from '@otel-sluice/processor'
import { reasonOf } from '../../reason.ts'
import { settlesWithin } from '../../settles-within.ts'
import {
  CLOSED,
  failed,
  OTHER_METHOD,
  OTHER_PATH,
  type Refusal,
  STRANGER,
  tooMany,
  UNDECIDED,
  WITH_BODY,
} from './refusal.ts'
import { Reply } from './reply.ts'
import type { Scrape } from './scrape-answer.ts'
import { scrapeMillis, TIMEOUT_HEADER } from './scrape-deadline.ts'

/** After how long a client that takes nothing of its answer may lose it to others, in ms. */
const STALLED_MILLIS = 1_000

/** Whether a request may be answered. Only `true` is a yes; throwing is answered with 500. */
export type Authorize = (request: IncomingMessage) => boolean | Promise<boolean>

export interface ScrapeRequestsOptions {
  readonly scrape: Scrape
  /** The one path that is answered; `undefined` is any, where it is mounted in somebody's server. */
  readonly path: string | undefined
  /** Default: all requests may be answered. */
  readonly authorize?: Authorize
  /** Counted from when a request may be answered to the end of its response. */
  readonly maxConcurrentScrapes: number
  /** How long authorization and scrape may take together, in ms. */
  readonly scrapeTimeoutMillis: number
  /** How long a client may take for a response, in ms. Default 30,000. */
  readonly responseTimeoutMillis?: number
}

/**
 * Answers requests for metrics: whom, when, for how long, and with what status. Needs nothing but request and response, so
 * that it can be mounted in any server. Every refusal is a line of text that says why.
 */
export class ScrapeRequests {
  readonly #scrape: Scrape
  readonly #path: string | undefined
  readonly #authorize: Authorize | undefined
  readonly #maxConcurrentScrapes: number
  readonly #scrapeTimeoutMillis: number
  readonly #responseTimeoutMillis: number
  /** That have a place, as long as their responses are not over. */
  readonly #scrapes = new Set<Reply>()
  #isClosed = false
  readonly #toldOfAuthorize = new Set<string>()

  constructor(options: ScrapeRequestsOptions) {
    this.#scrape = options.scrape
    this.#path = options.path
    this.#authorize = options.authorize
    this.#maxConcurrentScrapes = options.maxConcurrentScrapes
    this.#scrapeTimeoutMillis = options.scrapeTimeoutMillis
    this.#responseTimeoutMillis = options.responseTimeoutMillis ?? 30_000
  }

  /** Answers, at some time. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const reply = new Reply(request, response, this.#responseTimeoutMillis)
    this.#answer(request, reply).catch((error: unknown) => {
      // Not of the scrape, but of the response, which may have begun.
      if (response.headersSent) reply.destroy()
      else reply.refuse(failed(error))
    })
  }

  /** New requests get 503, and every connection is closed after its response. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * For where others need what these hold: ends the responses of which the client has taken nothing for a second. One that is
   * taken, however slowly, has its time.
   */
  endStalled(): void {
    for (const reply of this.#scrapes) if (reply.stalledMillis >= STALLED_MILLIS) reply.destroy()
  }

  async #answer(request: IncomingMessage, reply: Reply): Promise<void> {
    // A body that nobody reads would have to be skipped to find the next request.
    if (hasBody(request)) reply.beLast()
    const refusal = this.#refusalOf(request)
    if (refusal !== undefined) return this.#turnAway(reply, refusal)
    const mostMillis = scrapeMillis(request.headers[TIMEOUT_HEADER], this.#scrapeTimeoutMillis)
    const deadlineMillis = performance.now() + mostMillis
    if (this.#authorize !== undefined) {
      const stranger = await this.#askAuthorize(this.#authorize, request, mostMillis)
      if (stranger !== undefined) return this.#turnAway(reply, stranger)
    }
    if (this.#isFull) await this.#endOneStalled()
    if (reply.isOver) return
    if (this.#isFull) return reply.refuse(tooMany(this.#scrapes.size))
    this.#scrapes.add(reply)
    reply.whenOver(() => this.#scrapes.delete(reply))
    await this.#scrapeFor(request, reply, Math.max(1, Math.ceil(deadlineMillis - performance.now())))
  }

  /** Who gets no metrics keeps no connection either, where connections are ours. */
  #turnAway(reply: Reply, refusal: Refusal): void {
    if (this.#path !== undefined) reply.beLast()
    reply.refuse(refusal)
  }

  get #isFull(): boolean {
    return this.#scrapes.size >= this.#maxConcurrentScrapes
  }

  /** The one that is stalled for the longest, if any is, so that its place is free. */
  async #endOneStalled(): Promise<void> {
    let longest: Reply | undefined
    for (const reply of this.#scrapes) {
      if (reply.stalledMillis >= (longest?.stalledMillis ?? STALLED_MILLIS)) longest = reply
    }
    if (longest === undefined) return
    longest.destroy()
    await new Promise<void>((resolve) => longest.whenOver(resolve))
  }

  async #scrapeFor({ headers }: IncomingMessage, reply: Reply, timeoutMillis: number): Promise<void> {
    const { accept, 'accept-encoding': acceptEncoding } = headers
    const answer = await this.#scrape({ accept, acceptEncoding, timeoutMillis })
    if (this.#isClosed) reply.beLast()
    reply.send(answer)
  }

  #refusalOf(request: IncomingMessage): Refusal | undefined {
    if (this.#isClosed) return CLOSED
    if (this.#path !== undefined && pathOf(request) !== this.#path) return OTHER_PATH
    if (request.method !== 'GET' && request.method !== 'HEAD') return OTHER_METHOD
    if (hasBody(request)) return WITH_BODY
    return undefined
  }

  /** @returns what a stranger is told */
  async #askAuthorize(
    authorize: Authorize,
    request: IncomingMessage,
    mostMillis: number,
  ): Promise<Refusal | undefined> {
    try {
      const answer: unknown = authorize(request)
      // Asked once: what is only like a promise may say something else the second time, or nothing.
      const answered = Promise.resolve(answer)
      if (typeof answer !== 'boolean' && !(await settlesWithin(answered, mostMillis))) {
        throw new Error(`no answer within ${Math.round(mostMillis)} ms`)
      }
      const verdict = await answered
      if (typeof verdict !== 'boolean') this.#tellOnce('gave something else than true or false, scrapes get 401', '')
      return verdict === true ? undefined : STRANGER
    } catch (error) {
      this.#tellOnce('failed, scrapes get 500', `: ${reasonOf(error)}`)
      return UNDECIDED
    }
  }

  #tellOnce(deed: string, reason: string): void {
    if (this.#toldOfAuthorize.has(deed)) return
    this.#toldOfAuthorize.add(deed)
    report('error', `sluice: the authorize hook of a Prometheus endpoint ${deed}${reason}`)
  }
}

/** Scheme and host of an absolute target, which has to be understood from anybody (RFC 9112, section 3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]+/i

/** Without the query. */
function pathOf({ url = '' }: IncomingMessage): string {
  const target = url.replace(ORIGIN, '')
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/** Whether a body comes, or is offered with Expect: 100-continue (RFC 9112, section 6). */
function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return (
    headers['transfer-encoding'] !== undefined ||
    headers.expect !== undefined ||
    (length !== undefined && Number(length) !== 0)
  )
}
