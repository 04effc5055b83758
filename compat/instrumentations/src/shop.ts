import { once } from 'node:events'
import type { IncomingMessage, RequestOptions, ServerResponse } from 'node:http'
import { context, metrics } from '@opentelemetry/api'
import { getRPCMetadata } from '@opentelemetry/core'

type Http = typeof import('node:http')

/** What the shop asks of itself when it is told to relay. */
export const RELAYED: readonly { readonly method: string; readonly path: string; readonly isAborted?: boolean }[] = [
  { method: 'GET', path: '/orders' },
  { method: 'POST', path: '/orders' },
  { method: 'GET', path: '/orders/none' },
  { method: 'GET', path: '/broken' },
  { method: 'GET', path: '/endless', isAborted: true },
]

/**
 * A service whose answers are decided by the request alone. `/relay/http` and `/relay/undici` make it a client of its own,
 * by `node:http` and by `fetch`.
 */
export class Shop {
  readonly #http: Http
  readonly #underWay = new Set<Promise<unknown>>()
  // By the global provider, as applications have it.
  readonly #meter = metrics.getMeter('shop', '1.2.3')
  readonly #orders = this.#meter.createCounter('shop.orders', { description: 'Orders taken', unit: '{order}' })
  readonly #answers = new Map<number, number>()

  /** @param http as the instrumentation has left it */
  constructor(http: Http) {
    this.#http = http
    this.#meter.createObservableCounter('shop.answers', { description: 'Answers so far' }).addCallback((result) => {
      for (const [status, count] of this.#answers) result.observe(count, { status })
    })
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = once(response, 'close')
    this.#underWay.add(closed)
    void closed.finally(() => this.#underWay.delete(closed))
    const { method = '', url = '' } = request
    const [, resource, name] = url.split('/')
    nameRoute(name === undefined ? `/${resource}` : `/${resource}/:name`)
    switch (resource) {
      case 'orders':
        return this.#answer(response, this.#order(method, name))
      case 'relay':
        for (const call of RELAYED) await this.#relay(call, name!, `http://${request.headers.host}${call.path}`)
        return this.#answer(response, 200)
      case 'endless':
        response.writeHead(200).write('and so on')
        return
      case 'broken':
        return this.#answer(response, 500)
      default:
        return this.#answer(response, 404)
    }
  }

  /** Resolves when no response is open. */
  async untilQuiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #order(method: string, name: string | undefined): number {
    if (name !== undefined) return name === 'none' ? 404 : method === 'DELETE' ? 204 : 200
    if (method === 'GET') return 200
    if (method !== 'POST') return 405
    this.#orders.add(1, { payment: 'card', express: false })
    return 201
  }

  #answer(response: ServerResponse, status: number): void {
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1)
    response.writeHead(status).end()
  }

  async #relay({ method, isAborted = false }: (typeof RELAYED)[number], client: string, url: string): Promise<void> {
    if (client === 'undici') return fetchFrom(url, method, isAborted)
    await this.#request(url, { method }, isAborted)
  }

  async #request(url: string, options: RequestOptions, isAborted: boolean): Promise<void> {
    const request = this.#http.request(url, options)
    const closed = once(request, 'close')
    request.on('response', (response) => {
      response.on('error', () => {})
      if (isAborted) request.destroy()
      else response.resume()
    })
    request.end()
    await closed
  }
}

async function fetchFrom(url: string, method: string, isAborted: boolean): Promise<void> {
  const abortion = new AbortController()
  const response = await fetch(url, { method, signal: abortion.signal })
  if (isAborted) abortion.abort()
  await response.text().catch(() => {})
}

/** As web frameworks' instrumentations do. */
function nameRoute(route: string): void {
  const metadata = getRPCMetadata(context.active())
  if (metadata !== undefined) metadata.route = route
}
