import type { Socket } from 'node:net'
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import type { Intake, Reply } from './intake.ts'
import { Listener } from './listener.ts'
import { decodeRequest } from './protobuf.ts'
import { retryInfo } from './retry-info.ts'
import { protobufBody } from './success-body.ts'

type Bytes = Buffer
const asIs = (bytes: Bytes): Bytes => bytes

/** The one method there is. Messages pass as bytes, so that a malformed one is the intake's to refuse. */
const EXPORT: MethodDefinition<Bytes, Bytes> = {
  path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
}

export interface GrpcFront {
  readonly listener: Listener
  /** Ends the server behind the listener, which must be closed. */
  close(): void
}

/**
 * OTLP/gRPC, on a listener that is not open yet.
 *
 * @param maxMessageBytes -1 for no limit
 */
export function createGrpcFront(intake: Intake, host: string, maxMessageBytes: number): GrpcFront {
  const server = new Server({ 'grpc.max_receive_message_length': maxMessageBytes })
  server.addService(
    { Export: EXPORT },
    {
      Export: (call: ServerUnaryCall<Bytes, Bytes>, respond: sendUnaryData<Bytes>) => {
        const reply = intake.receive('grpc', () => decodeRequest(call.request))
        // Calls do not reveal their connection, only where it comes from.
        perform(reply, respond, () => listener.socketFrom(call.getPeer()))
      },
    },
  )
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const listener = new Listener(host, (socket) => injector.injectConnection(socket))
  return {
    listener,
    close: () => {
      injector.destroy()
      server.forceShutdown()
    },
  }
}

function perform(reply: Reply, respond: sendUnaryData<Bytes>, socket: () => Socket | undefined): void {
  switch (reply.type) {
    case 'accept': {
      const afterMillis = reply.afterMillis + reply.bodyAfterMillis
      if (afterMillis > 0) setTimeout(respond, afterMillis, null, protobufBody(reply.body)).unref()
      else respond(null, protobufBody(reply.body))
      return
    }
    case 'refuse': {
      const { grpcCode = status.UNAVAILABLE, retryAfterSeconds } = reply.refusal
      const details = 'refused, as it was told to'
      const metadata = retryAfterSeconds === undefined ? {} : { metadata: retryInfo(grpcCode, retryAfterSeconds) }
      respond({ code: grpcCode, details, ...metadata })
      return
    }
    case 'malformed':
      respond({ code: status.INVALID_ARGUMENT, details: reply.message })
      return
    case 'silence':
      return
    case 'reset':
      socket()?.resetAndDestroy()
      return
    case 'cut':
      socket()?.destroy()
  }
}
