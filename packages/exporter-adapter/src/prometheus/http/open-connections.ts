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
  /** As they were accepted; those under TLS may not be ready for requests. */
  readonly #accepted = new Set<Socket>()
  /** Responses that are not over, by connection. INVARIANT: 0 where it is idle; none for one that is closed. */
  readonly #responses = new Map<Socket, number>()
  readonly #unwatch: () => void
  #isEnding = false

  /** @param keepAlive whether idle connections keep the process alive; those that wait for a response always do */
  constructor(server: Server, keepAlive: boolean) {
    this.#keepAlive = keepAlive
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
    this.#accepted.add(socket)
    socket.once('close', () => this.#accepted.delete(socket))
    if (!this.#keepAlive) socket.unref()
  }

  #begin(socket: Socket): void {
    if (this.#isEnding) return void socket.destroy()
    this.#responses.set(socket, 0)
    socket.once('close', () => this.#responses.delete(socket))
  }

  #responded(socket: Socket): void {
    const responses = this.#responses.get(socket)
    if (responses === undefined) return
    this.#responses.set(socket, responses - 1)
    if (responses > 1) return
    if (this.#isEnding) socket.destroySoon()
    else if (!this.#keepAlive) socket.unref()
  }
}
