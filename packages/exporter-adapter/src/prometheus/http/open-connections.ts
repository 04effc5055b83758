import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

/**
 * The connections of a server, and which of them wait for a response, so that the others can be closed at any time.
 *
 * Not left to `http.Server#closeIdleConnections`: that takes a response for over once it was written, and cuts off what the
 * client has not taken yet.
 */
export class OpenConnections {
  readonly #keepAlive: boolean
  readonly #mostConnections: number
  /** As they were accepted; those under TLS may not be ready for requests. */
  readonly #accepted = new Set<Socket>()
  /**
   * Responses that are not over, by connection. INVARIANT: 0 where it is idle; none for one that is closed. Of those that are
   * idle, the one that has been so for the longest comes first.
   */
  readonly #responses = new Map<Socket, number>()
  readonly #unwatch: () => void
  #isEnding = false

  /**
   * @param keepAlive whether idle connections keep the process alive; those that wait for a response always do
   * @param mostConnections for one beyond, the one that has been idle for the longest is closed, or where all wait for a
   *   response, it itself
   */
  constructor(server: Server, keepAlive: boolean, mostConnections: number) {
    this.#keepAlive = keepAlive
    this.#mostConnections = mostConnections
    const ready = server instanceof TlsServer ? 'secureConnection' : 'connection'
    const onAccepted = (socket: Socket) => this.#add(socket)
    const onReady = (socket: Socket) => this.#begin(socket)
    server.on('connection', onAccepted)
    server.on(ready, onReady)
    this.#unwatch = () => server.off('connection', onAccepted).off(ready, onReady)
  }

  /**
   * A request has come, and `response` will be the answer.
   *
   * @returns how many requests of its connection wait for a response, with this one
   */
  requested({ socket }: { readonly socket: Socket }, response: ServerResponse): number {
    const responses = this.#responses.get(socket)
    // It was closed before its request was read.
    if (responses === undefined) return 1
    if (responses === 0) socket.ref()
    this.#responses.set(socket, responses + 1)
    response.once('close', () => this.#responded(socket))
    return responses + 1
  }

  /** Closes the idle ones, and from now on each once it is idle. */
  endIdle(): void {
    this.#isEnding = true
    for (const [socket, responses] of this.#responses) if (responses === 0) socket.destroySoon()
  }

  destroyAll(): void {
    for (const socket of [...this.#responses.keys(), ...this.#accepted]) socket.destroy()
  }

  /** No longer hears of new ones. */
  unwatch(): void {
    this.#unwatch()
  }

  #add(socket: Socket): void {
    if (this.#accepted.size >= this.#mostConnections && !this.#closeIdlest()) return void socket.destroy()
    this.#accepted.add(socket)
    socket.once('close', () => this.#accepted.delete(socket))
    if (!this.#keepAlive) socket.unref()
  }

  /** @returns whether there was one */
  #closeIdlest(): boolean {
    for (const [socket, responses] of this.#responses) {
      if (responses > 0) continue
      // Now, and not when it is closed: the next one that comes has to take the place of another.
      this.#responses.delete(socket)
      this.#accepted.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }

  #begin(socket: Socket): void {
    if (this.#isEnding || socket.destroyed) return void socket.destroy()
    this.#responses.set(socket, 0)
    socket.once('close', () => this.#responses.delete(socket))
  }

  #responded(socket: Socket): void {
    const responses = this.#responses.get(socket)
    if (responses === undefined) return
    // As the last one, since it is idle from now on.
    this.#responses.delete(socket)
    this.#responses.set(socket, responses - 1)
    if (responses > 1) return
    if (this.#isEnding) socket.destroySoon()
    else if (!this.#keepAlive) socket.unref()
  }
}
