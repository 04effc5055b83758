import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { connect, type Socket } from 'node:net'
import { ListeningServer, type ListeningServerOptions } from '../../src/prometheus/http/listening-server.ts'
import { ScrapeRequests, type ScrapeRequestsOptions } from '../../src/prometheus/http/scrape-requests.ts'
import { FakeScrape } from './fake-scrape.ts'

const opened: { close(timeoutMillis: number): Promise<void> }[] = []

/** Serves `/metrics` of a {@link FakeScrape} on a free port, until {@link closeAll}. */
export async function serve(options: Partial<ScrapeRequestsOptions & ListeningServerOptions> = {}) {
  const fake = new FakeScrape()
  const requests = new ScrapeRequests({
    scrape: fake.scrape,
    path: '/metrics',
    maxConcurrentScrapes: 100,
    scrapeTimeoutMillis: 10_000,
    ...options,
  })
  const server = new ListeningServer({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 256,
    onRequest: (request, response) => requests.handle(request, response),
    name: 'test',
    ...options,
  })
  opened.push(server)
  const { port } = await server.listen()
  return { fake, requests, server, port }
}

export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((server) => server.close(0)))
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** GET /metrics, unless told otherwise. */
export function get(port: number, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/metrics', agent: false, ...options }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
    request.on('error', reject)
    request.end()
  })
}

/** A connection that has sent `text`, and does not mind how it ends. */
export function send(port: number, text: string): Socket {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('error', () => {})
  socket.write(text)
  return socket
}

/** Everything that comes, up to the end of the connection. */
export function received(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (piece) => {
      text += piece.toString('latin1')
    })
    socket.on('end', () => socket.destroy())
    socket.resume()
    socket.on('close', () => resolve(text))
  })
}

export const GET = 'GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n'
