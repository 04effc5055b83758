import type { SuccessBody } from './intake.ts'

const REJECTED = { rejectedDataPoints: 1, errorMessage: 'one point too many' }

/** What is no message in any encoding: a field of a wire type that does not exist. */
const GARBAGE = Buffer.from([0xff, 0xff, 0xff])

/** An ExportMetricsServiceResponse. One without partial success has no bytes at all. */
export function protobufBody(body: SuccessBody): Buffer {
  if (body === 'nothing') return Buffer.alloc(0)
  if (body === 'garbage') return GARBAGE
  const message = Buffer.from(REJECTED.errorMessage)
  // ExportMetricsPartialSuccess { int64 rejected_data_points = 1; string error_message = 2 }
  const partial = Buffer.concat([Buffer.from([0x08, REJECTED.rejectedDataPoints, 0x12, message.length]), message])
  return Buffer.concat([Buffer.from([0x0a, partial.length]), partial])
}

/** The same in JSON. */
export function jsonBody(body: SuccessBody): Buffer {
  if (body === 'garbage') return GARBAGE
  return Buffer.from(JSON.stringify(body === 'nothing' ? {} : { partialSuccess: REJECTED }))
}
