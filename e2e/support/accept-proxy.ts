import { request as ask, createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * Stands between a Prometheus and a target. Prometheus 2 cannot be configured to ask for the plain text format; here it is
 * made to. And it is seen what it was answered, so that a test of a protocol is not one of another.
 */
export class AcceptProxy {
  readonly #server: Server
  /** Of the last answer that had a body. */
  contentType: string | undefined

  /**
   * @param target URL of what is scraped
   * @param accept put in place of what Prometheus accepts, if given
   */
  private constructor(target: string, accept: string | undefined) {
    this.#server = createServer(({ headers }, response) => {
      const forwarded = accept === undefined ? headers : { ...headers, accept }
      const onward = ask(target, { headers: forwarded }, (answer) => {
        this.contentType = answer.headers['content-type']
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', (error) => response.writeHead(502).end(error.message))
      onward.end()
    })
  }

  static async start(target: string, accept?: string): Promise<AcceptProxy> {
    const proxy = new AcceptProxy(target, accept)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/metrics`
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }
}
