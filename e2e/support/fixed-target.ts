import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a judge is tried with: an endpoint that says the same each time. */
export interface FixedTarget {
  readonly url: string
  close(): Promise<void>
}

/** Serves a body on a free port of this machine, whatever is asked for. */
export async function serveFixed(body: string | Uint8Array, contentType: string): Promise<FixedTarget> {
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': contentType }).end(body),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
