import type { Fault } from './fault.ts'
import { createGrpcFront } from './grpc-front.ts'
import { createHttpFront, METRICS_PATH } from './http-front.ts'
import { Intake } from './intake.ts'
import type { Ledger } from './ledger.ts'
import type { TakenBatch } from './received-metric.ts'

export interface OtlpReceiverOptions {
  /** For OTLP/HTTP. Default 0: any that is free. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Whether to receive OTLP/gRPC as well, on a port of its own. Default false. */
  readonly grpc?: boolean
  /** Most bytes of one OTLP/gRPC message; servers of gRPC have 4 MiB unless told otherwise. Default: no limit. */
  readonly grpcMaxMessageBytes?: number
  /** Whether to keep what is taken in, and not only add it up. Default true. */
  readonly keepBatches?: boolean
}

/** A receiver of OTLP metrics that can be made to fail. */
export interface OtlpReceiver {
  /** For OTLP/HTTP, protobuf or JSON, gzip or not: `http://127.0.0.1:port/v1/metrics`. */
  readonly url: string
  /** For OTLP/gRPC: `http://127.0.0.1:port`. Throws when it was started without. */
  readonly grpcUrl: string
  /** The port of {@link url}. */
  readonly port: number
  /** Every request that was taken in, in the order in which they came. */
  readonly batches: readonly TakenBatch[]
  readonly ledger: Ledger
  /** Requests that came, taken in or not. */
  readonly requests: number
  /** The fault the next request meets. */
  readonly fault: Fault
  /**
   * What goes wrong from now on, until the next call. It is for requests to come: those that hang already stay so until
   * their client gives up or the receiver goes down.
   *
   * @param options.times how many requests it goes wrong for; default all
   */
  fail(fault: Fault, options?: { readonly times?: number }): void
  /** Stops listening and destroys every open connection. What was taken in stays. */
  goDown(): Promise<void>
  /** Listens again, on the same ports. */
  comeUp(): Promise<void>
  /** Goes down for good. */
  close(): Promise<void>
}

/**
 * Starts a receiver.
 *
 * @throws Error with code `EADDRINUSE` when the port is taken
 */
export async function startOtlpReceiver(options: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const { port = 0, host = '127.0.0.1', grpc = false, grpcMaxMessageBytes = -1, keepBatches = true } = options
  const intake = new Intake(keepBatches)

  const http = createHttpFront(intake, host)
  const grpcFront = grpc ? createGrpcFront(intake, host, grpcMaxMessageBytes) : undefined
  const grpcListener = grpcFront?.listener

  await http.open(port)
  await grpcListener?.open(0)

  const goDown = async (): Promise<void> => {
    await Promise.all([http.close(), grpcListener?.close()])
  }
  return {
    url: `http://${host}:${http.port}${METRICS_PATH}`,
    get grpcUrl(): string {
      if (grpcListener === undefined) throw new Error('the receiver was started without { grpc: true }')
      return `http://${host}:${grpcListener.port}`
    },
    port: http.port,
    batches: intake.batches,
    ledger: intake.ledger,
    get requests(): number {
      return intake.requests
    },
    get fault(): Fault {
      return intake.faults.current
    },
    fail: (fault, { times } = {}) => intake.faults.set(fault, times),
    goDown,
    comeUp: async () => {
      if (!http.isUp) await http.open(http.port)
      if (grpcListener !== undefined && !grpcListener.isUp) await grpcListener.open(grpcListener.port)
    },
    close: async () => {
      await goDown()
      grpcFront?.close()
    },
  }
}
