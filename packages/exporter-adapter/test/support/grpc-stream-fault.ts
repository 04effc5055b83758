import { once } from 'node:events'
import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

/** What a server or something before it does with a stream instead of giving it a status of gRPC. */
export type StreamFault = (stream: ServerHttp2Stream) => void

/** An empty message, uncompressed: every export was taken in. */
const SUCCESS = Buffer.alloc(5)

/** A server that knows just enough of gRPC to break it: the first request meets the fault, all that follow succeed. */
export async function startFaultyGrpcServer(fault: StreamFault) {
  const sessions = new Set<Http2Session>()
  let requests = 0
  const server = createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.resume()
    stream.on('end', () => (++requests === 1 ? fault(stream) : succeed(stream)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    grpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    close: async () => {
      for (const session of sessions) session.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function succeed(stream: ServerHttp2Stream): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.end(SUCCESS)
}
