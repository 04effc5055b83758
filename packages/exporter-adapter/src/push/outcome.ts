import { codeOf, reasonOf } from '../reason.ts'

/**
 * What became of one Export call.
 *
 * - `delivered`: the exporter said so.
 * - `rejected`: the receiver will never take this batch; sending it again is useless.
 * - `too-large`: it did not arrive, and the same points may if they come in smaller messages.
 * - `undelivered`: it is known not to have arrived; send it again.
 * - `unknown`: it may have arrived (timeout, cut connection, no details); send it again, identically, and count it.
 *
 * `reason` is what the exporter said of it, fit for logs.
 */
export type Outcome =
  | { readonly type: 'delivered' }
  | {
      readonly type: 'rejected' | 'too-large' | 'undelivered' | 'unknown'
      readonly reason: string
      /** Whether the exporter has sent nothing, as too many of its calls are out. */
      readonly isBusy?: boolean
    }

/** Whether the same batch is to be sent again. */
export function isRetryable({ type }: Outcome): boolean {
  return type === 'undelivered' || type === 'unknown'
}

/** The shape of `ExportResult` in `@opentelemetry/core`, of any version. */
export interface ExportResultLike {
  readonly code: number
  readonly error?: Error | undefined
}

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`. */
const SUCCESS = 0

/**
 * Sorts an exporter's answer by what it says about the batch. Never throws, whatever the answer is.
 *
 * @param tookMillis from the call of `export` to the answer
 */
export function outcomeOf(result: ExportResultLike | undefined, tookMillis: number): Outcome {
  let error: unknown
  try {
    if (result?.code === SUCCESS) return { type: 'delivered' }
    error = result?.error
  } catch (thrown) {
    return { type: 'unknown', reason: `the exporter's answer cannot be read: ${reasonOf(thrown)}` }
  }
  if (error === undefined || error === null) {
    return { type: 'unknown', reason: 'the exporter reported FAILED without an error' }
  }
  const reason = reasonOf(error)
  if (reason === BUSY) return { type: 'undelivered', reason, isBusy: true }
  return { type: failureType(error, tookMillis), reason }
}

/** What the exporters of OpenTelemetry JS say, at once, while 30 of their calls are out. */
const BUSY = 'Concurrent export limit reached'

/**
 * An answer after fewer ms than these is of the first try. Exporters over HTTP try again by themselves and tell of the last
 * try only: a connection that was refused then says nothing of an earlier one, which may have been cut after it arrived.
 * That of OpenTelemetry JS waits 800 ms at least before it does (1 s, less the jitter), unless a `Retry-After: 0` hurries it.
 */
const LEAST_RETRY_MILLIS = 500

type FailureType = Exclude<Outcome['type'], 'delivered'>

function failureType(error: unknown, tookMillis: number): FailureType {
  const code = codeOf(error)
  try {
    const isHttp = typeof code !== 'number' || (code >= 400 && code <= 599)
    if (!isHttp) return grpcFailureType(code, error)
    const type = httpFailureType(code)
    return type === 'undelivered' && tookMillis >= LEAST_RETRY_MILLIS ? 'unknown' : type
  } catch {
    // A getter that throws says nothing.
    return 'unknown'
  }
}

/**
 * Exporters put the status of the last response in `error.code`: a Node.js error name, an HTTP status or a gRPC code. An
 * answer without one, or with a number that is none of these, leaves the outcome open: only what is known to be useless is
 * dropped. (The OTLP/HTTP exporter of OpenTelemetry JS hides a retryable status behind an error without a code.)
 */
function httpFailureType(code: string | number | undefined): FailureType {
  if (typeof code === 'string') return NEVER_CONNECTED.has(code) ? 'undelivered' : 'unknown'
  if (code === undefined) return 'unknown'
  if (code === 413) return 'too-large'
  if (TURNED_AWAY_HTTP.has(code)) return 'undelivered'
  return GATEWAY_HTTP.has(code) ? 'unknown' : 'rejected'
}

/** How long it took is of no matter: the exporter over gRPC does not try again, and grpc-js only what was not processed. */
function grpcFailureType(code: number, error: unknown): FailureType {
  const details = detailsOf(error)
  if (NEVER_SENT_GRPC.test(details)) return 'undelivered'
  if (isTooLarge(code, details)) return 'too-large'
  if (BROKEN_OFF_GRPC.test(details)) return 'unknown'
  if (code === GRPC_RESOURCE_EXHAUSTED) return saysWhenToRetry(error) ? 'undelivered' : 'rejected'
  return PERMANENT_GRPC.has(code) ? 'rejected' : 'unknown'
}

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * OTLP specification, "Retryable Response Codes": 429, 502, 503 and 504; every other status from 400 on is permanent. A
 * server that is too busy has taken nothing in; a gateway does not know what the server behind it did.
 */
const TURNED_AWAY_HTTP = new Set([429, 503])
const GATEWAY_HTTP = new Set([502, 504])

/**
 * OTLP specification, OTLP/gRPC "Failures": all but CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (see below), ABORTED,
 * OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS. None of those says that nothing arrived: grpc-js reports a connection that broke
 * after sending as UNAVAILABLE as well.
 */
const PERMANENT_GRPC = new Set([2, 3, 5, 6, 7, 9, 12, 13, 16])

/**
 * What servers and clients of gRPC (grpc-js, grpc-go, C core, Java, .NET) say of a message beyond their limit, 4 MiB unless it
 * was set; with RESOURCE_EXHAUSTED, but for a proxy's 413. A length of half a GiB and more is none: grpc-js has read four
 * bytes of text that is no gRPC.
 */
function isTooLarge(code: number, details: string): boolean {
  if (/^Received HTTP status code 413\b/.test(details)) return true
  if (code !== GRPC_RESOURCE_EXHAUSTED || !TOO_LARGE_GRPC.test(details)) return false
  const [, length] = /\((\d+) vs/.exec(details) ?? []
  return length === undefined || Number(length) < 2 ** 29
}

const TOO_LARGE_GRPC = /message\b.*\b(?:larger than|exceeds (?:the )?max)/i

/** Retryable only when the server added a RetryInfo, which then is in the status details (same section). */
const GRPC_RESOURCE_EXHAUSTED = 8

function saysWhenToRetry(error: unknown): boolean {
  const { metadata } = error as { metadata?: { get?(key: string): unknown[] } }
  const details = metadata?.get?.('grpc-status-details-bin') ?? []
  return details.some((each) => Buffer.isBuffer(each) && each.includes('google.rpc.RetryInfo'))
}

/** What grpc-js says, with one code or another, when it had no address, no connection or no credentials to send with. */
const NEVER_SENT_GRPC =
  /^(?:No connection established|Name resolution failed|Getting metadata from plugin failed|Failed to start HTTP\/2 stream)/

/**
 * What grpc-js (subchannel-call.ts) says when a call ended without a word of the server, with codes that would be permanent
 * if the server had said them: INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED, PERMISSION_DENIED. A 4xx is of something that
 * refused the request, and will again, as one over OTLP/HTTP.
 */
const BROKEN_OFF_GRPC =
  /^(?:Received RST_STREAM with code|Received HTTP status code (?!4)|Received message larger than max|Bandwidth exhausted or memory limit exceeded|Protocol not secure enough|No status information received)/

function detailsOf(error: unknown): string {
  const { details } = error as { details?: unknown }
  return typeof details === 'string' ? details : ''
}
