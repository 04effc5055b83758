import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import { report } from '@otel-sluice/processor'
import { reasonOf } from '../../reason.ts'
import { settlesWithin } from '../../settles-within.ts'
import { listenError } from './listen-error.ts'
import { OpenConnections } from './open-connections.ts'

/** What a server of our own takes from a client. A scraper sends a few hundred bytes at once, and nothing after them. */
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  /** How often the two above are looked after: a slow client is there for up to this much longer. */
  connectionsCheckingInterval: 1_000,
  /** More than the usual minute between two scrapes, so that they share a connection. */
  keepAliveTimeout: 65_000,
}
const MOST_HEADERS = 100
/** Requests of one connection that wait for a response. Scrapers send one; who sends more ahead is not one, and cut off. */
const MOST_REQUESTS_AHEAD = 100

/** How long after the deadline of {@link ListeningServer.close} connections may take that were destroyed, in ms. */
const DESTROYED_WITHIN_MILLIS = 1_000

export interface ListeningServerOptions {
  /** Default: one of its own, with limits that suit scrapes. The limits of a given one are as its owner has set them. */
  readonly server?: HttpServer | HttpsServer
  readonly host: string
  /** 0 is any that is free. */
  readonly port: number
  /** For one beyond, an idle one is closed. Not for a server that has a limit of its own, or listens already. */
  readonly maxConnections: number
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  /** For errors and logs. */
  readonly name: string
}

/**
 * A server that listens where it shall, and can be closed by a deadline without cutting off a response before.
 *
 * One of its own does not keep the process alive, except while a client waits for a response. Of a given one that listens
 * already, it only borrows the requests.
 */
export class ListeningServer {
  readonly #options: ListeningServerOptions
  readonly #server: HttpServer | HttpsServer
  readonly #isOwn: boolean
  #listening: Promise<{ host: string; port: number }> | undefined
  #closing: Promise<void> | undefined
  /** Set where the server listens because of us. */
  #connections: OpenConnections | undefined
  #hasToldOfError = false

  constructor(options: ListeningServerOptions) {
    this.#options = options
    this.#isOwn = options.server === undefined
    this.#server = options.server ?? createServer(LIMITS)
    if (!this.#isOwn) return
    this.#server.maxHeadersCount = MOST_HEADERS
    // Else Node.js asks for the body before anybody has seen the request.
    this.#server.on('checkContinue', this.#onRequest)
    this.#server.unref()
  }

  /**
   * Begins to listen, unless the given server does already.
   *
   * @returns the address it is bound to; the path and 0 for a Unix socket
   * @throws Error that names host and port, and says why it cannot listen there
   */
  listen(): Promise<{ host: string; port: number }> {
    this.#listening ??= this.#begin()
    return this.#listening
  }

  /**
   * Stops listening, closes idle connections at once, the others when their response is over, and all of them after
   * `timeoutMillis`. A server that was listening when it was given is left alone. Never rejects.
   */
  close(timeoutMillis: number): Promise<void> {
    this.#closing ??= this.#end(timeoutMillis)
    return this.#closing
  }

  async #begin(): Promise<{ host: string; port: number }> {
    const { host, port, name } = this.#options
    if (this.#closing !== undefined) throw new Error(`${name}: closed before it was to listen`)
    const server = this.#server
    server.on('request', this.#onRequest)
    if (server.listening) return addressOf(server)
    try {
      await listening(server, host, port)
    } catch (error) {
      server.off('request', this.#onRequest)
      throw listenError(name, host, port, error)
    }
    // Unset, it is undefined, whatever its type says.
    const hasLimit = server.maxConnections !== undefined
    const most = hasLimit ? Number.POSITIVE_INFINITY : this.#options.maxConnections
    this.#connections = new OpenConnections(server, !this.#isOwn, most)
    server.on('error', this.#onError)
    return addressOf(server)
  }

  async #end(timeoutMillis: number): Promise<void> {
    if (this.#listening === undefined) return
    const stopped = this.#listening.then(
      () => this.#stop(),
      () => {},
    )
    if (await settlesWithin(stopped, timeoutMillis)) return
    this.#connections?.destroyAll()
    await settlesWithin(stopped, DESTROYED_WITHIN_MILLIS)
  }

  async #stop(): Promise<void> {
    const server = this.#server
    const connections = this.#connections
    if (connections !== undefined) {
      // That of http.Server would cut off responses: see OpenConnections.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
      connections.endIdle()
      await closed
      connections.unwatch()
      server.off('error', this.#onError)
      // For its timers. The error that it is closed already goes to the callback.
      server.close(() => {})
    }
    server.off('request', this.#onRequest)
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const requests = this.#connections?.requested(request, response) ?? 0
    if (this.#isOwn && requests > MOST_REQUESTS_AHEAD) request.socket.destroy()
    else this.#options.onRequest(request, response)
  }

  /** Such as too many open files when a connection comes. It listens on. */
  readonly #onError = (error: unknown): void => {
    if (this.#hasToldOfError) return
    this.#hasToldOfError = true
    report('warn', `sluice: ${this.#options.name}: the server says: ${reasonOf(error)}`)
  }
}

function listening(server: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function addressOf(server: HttpServer): { host: string; port: number } {
  const address = server.address()
  if (address === null || typeof address === 'string') return { host: address ?? '', port: 0 }
  return { host: address.address, port: address.port }
}
