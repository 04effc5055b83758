import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import type { Intake, Reply } from './intake.ts'
import { Listener } from './listener.ts'
import type { OtlpRequest } from './otlp-json.ts'
import { decodeRequest } from './protobuf.ts'
import type { Protocol } from './received-metric.ts'
import { jsonBody, protobufBody } from './success-body.ts'

export const METRICS_PATH = '/v1/metrics'

/** OTLP/HTTP in both encodings, on a listener that is not open yet. */
export function createHttpFront(intake: Intake, host: string): Listener {
  const server = createServer((request, response) => {
    answer(intake, request, response).catch(() => request.socket.destroy())
  })
  // An idle connection closed by us just as a client uses it again would look like a fault that nobody asked for.
  server.keepAliveTimeout = 0
  return new Listener(host, (socket) => server.emit('connection', socket))
}

async function answer(intake: Intake, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  if (request.method !== 'POST' || request.url !== METRICS_PATH) return end(response, 404, `POST ${METRICS_PATH} only`)
  const protocol = protocolOf(request)
  if (protocol === undefined) return end(response, 415, 'application/x-protobuf or application/json only')

  const isGzip = request.headers['content-encoding'] === 'gzip'
  const reply = intake.receive(protocol, () => {
    const received = Buffer.concat(chunks)
    const body = isGzip ? gunzipSync(received) : received
    return protocol === 'http/json' ? (JSON.parse(body.toString()) as OtlpRequest) : decodeRequest(body)
  })
  await perform(reply, protocol, request, response)
}

async function perform(
  reply: Reply,
  protocol: Protocol,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (reply.type) {
    case 'accept': {
      if (reply.afterMillis > 0) await delay(reply.afterMillis, undefined, { ref: false })
      const isJson = protocol === 'http/json'
      response.setHeader('content-type', isJson ? 'application/json' : 'application/x-protobuf')
      response.writeHead(200)
      if (reply.bodyAfterMillis > 0) {
        response.flushHeaders()
        await delay(reply.bodyAfterMillis, undefined, { ref: false })
      }
      response.end(isJson ? jsonBody(reply.body) : protobufBody(reply.body))
      return
    }
    case 'refuse': {
      const { status = 503, retryAfterSeconds } = reply.refusal
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds)
      return end(response, status, 'refused, as it was told to')
    }
    case 'malformed':
      return end(response, 400, reply.message)
    case 'silence':
      return
    case 'reset':
      request.socket.resetAndDestroy()
      return
    case 'cut':
      request.socket.destroy()
  }
}

function protocolOf(request: IncomingMessage): Protocol | undefined {
  const [type] = (request.headers['content-type'] ?? '').split(';')
  if (type === 'application/x-protobuf') return 'http/protobuf'
  if (type === 'application/json') return 'http/json'
  return undefined
}

function end(response: ServerResponse, status: number, message: string): void {
  response.setHeader('content-type', 'text/plain')
  response.writeHead(status).end(message)
}
