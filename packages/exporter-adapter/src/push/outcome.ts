/**
 * What became of one Export call.
 *
 * - `delivered`: the exporter said so.
 * - `rejected`: the receiver will never take this batch; sending it again is useless.
 * - `undelivered`: it is known not to have arrived; send it again.
 * - `unknown`: it may have arrived (timeout, cut connection, no details); send it again, identically, and count it.
 */
export type Outcome =
  | { readonly type: 'delivered' }
  | { readonly type: 'rejected' | 'undelivered' | 'unknown'; readonly error: Error }

/** The shape of `ExportResult` in `@opentelemetry/core`, of any version. */
export interface ExportResultLike {
  readonly code: number
  readonly error?: Error | undefined
}

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`. */
const SUCCESS = 0

/** Sorts an exporter's answer by what it says about the batch. */
export function outcomeOf(result: ExportResultLike): Outcome {
  if (result.code === SUCCESS) return { type: 'delivered' }
  const error = result.error ?? new Error('the exporter reported FAILED without an error')
  return { type: failureType(error), error }
}

/**
 * Exporters put the status of the last response in `error.code`: a Node.js error name, an HTTP status or a gRPC code. An
 * answer without one leaves the outcome open, also where the exporter has hidden a retryable status behind it.
 */
function failureType(error: Error): 'rejected' | 'undelivered' | 'unknown' {
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return NEVER_CONNECTED.has(code) ? 'undelivered' : 'unknown'
  if (typeof code !== 'number') return 'unknown'
  if (code >= 400) return RETRYABLE_HTTP.has(code) ? 'undelivered' : 'rejected'
  if (code === GRPC_RESOURCE_EXHAUSTED) return hasGrpcDetails(error) ? 'undelivered' : 'rejected'
  return RETRYABLE_GRPC.has(code) || code > LAST_GRPC ? 'unknown' : 'rejected'
}

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** OTLP specification, "Retryable Response Codes"; every other status from 400 on is permanent. */
const RETRYABLE_HTTP = new Set([429, 502, 503, 504])

/**
 * OTLP specification, OTLP/gRPC "Failures": CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
 * None of them says that nothing arrived: grpc-js reports a connection that broke after sending as UNAVAILABLE as well.
 */
const RETRYABLE_GRPC = new Set([1, 4, 10, 11, 14, 15])
const LAST_GRPC = 16

/** Retryable only when the server added a RetryInfo, which then is in the status details (same section). */
const GRPC_RESOURCE_EXHAUSTED = 8

function hasGrpcDetails(error: Error): boolean {
  const { metadata } = error as { metadata?: { get?(key: string): unknown[] } }
  return (metadata?.get?.('grpc-status-details-bin')?.length ?? 0) > 0
}

/** What an error says, in one line. Node.js leaves the message empty where several addresses were tried. */
export function reasonOf(error: Error): string {
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return error.errors.map((each: unknown) => reasonOf(toError(each))).join('; ')
  const { code } = error as { code?: unknown }
  return code === undefined ? error.name : String(code)
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
