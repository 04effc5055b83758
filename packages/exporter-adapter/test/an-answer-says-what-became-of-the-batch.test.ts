import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../src/push/outcome.ts'

const failed = (code: unknown, more: object = {}, tookMillis = 0) =>
  outcomeOf({ code: 1, error: Object.assign(new Error('failed'), { code, ...more }) }, tookMillis).type

test('success is delivered', () => {
  expect(outcomeOf({ code: 0 }, 0)).toEqual({ type: 'delivered' })
})

test('a failure without details leaves the outcome open', () => {
  expect(outcomeOf({ code: 1 }, 0)).toMatchObject({ type: 'unknown' })
  expect(failed(undefined)).toBe('unknown')
})

describe('OTLP/HTTP statuses', () => {
  test.each([429, 503])('%i was not taken in and is retried', (status) => {
    expect(failed(status)).toBe('undelivered')
  })
  test.each([502, 504])('%i is of a gateway, which does not know, and is retried', (status) => {
    expect(failed(status)).toBe('unknown')
  })
  test.each([400, 401, 403, 404, 500, 501, 505, 599])('%i is permanent', (status) => {
    expect(failed(status)).toBe('rejected')
  })
})

describe('a message that is too large', () => {
  test('is told by HTTP 413', () => {
    expect(failed(413)).toBe('too-large')
  })
  test.each([
    [8, 'grpc: received message larger than max (4900000 vs. 4194304)'],
    [8, 'grpc: received message after decompression larger than max 4194304'],
    [8, 'trying to send message larger than max (4900000 vs. 4194304)'],
    [8, 'Received message larger than max (4900000 vs 4194304)'],
    [8, 'Attempted to send message with a size larger than 4194304'],
    [8, 'gRPC message exceeds maximum size 4194304: 4900000'],
    [8, 'Received message exceeds the maximum configured message size.'],
    [2, 'Received HTTP status code 413'],
  ])('is told by gRPC code %i with: %s', (code, details) => {
    expect(failed(code, { details })).toBe('too-large')
  })
  test.each([
    [13, 'the message is larger than the disk'],
    [8, 'quota exceeded'],
  ])('is not what gRPC code %i says with: %s', (code, details) => {
    expect(failed(code, { details })).toBe('rejected')
  })
})

describe('OTLP/gRPC codes', () => {
  test.each([1, 4, 10, 11, 14, 15])('%i is retried, and may have arrived', (code) => {
    expect(failed(code)).toBe('unknown')
  })
  test.each([2, 3, 5, 6, 7, 9, 12, 13, 16])('%i is permanent', (code) => {
    expect(failed(code)).toBe('rejected')
  })
  test('RESOURCE_EXHAUSTED is retried only with details that say when', () => {
    expect(failed(8)).toBe('rejected')
    expect(failed(8, { metadata: { get: () => [] } })).toBe('rejected')
    expect(failed(8, { metadata: { get: () => [Buffer.from('google.rpc.QuotaFailure')] } })).toBe('rejected')
    expect(failed(8, { metadata: { get: () => [Buffer.from('type.googleapis.com/google.rpc.RetryInfo')] } })).toBe(
      'undelivered',
    )
  })
  test('UNAVAILABLE without a connection never reached anyone', () => {
    const details = 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:4317'
    expect(failed(14, { details })).toBe('undelivered')
    expect(failed(14, { details: 'Connection dropped' })).toBe('unknown')
  })
  test.each([
    [13, 'Received RST_STREAM with code 2 (Internal server error)'],
    [13, 'Received RST_STREAM with code 2 triggered by internal client error: Session closed with error code 2'],
    [13, 'Received RST_STREAM with code 0 (Call ended without gRPC status)'],
    [8, 'Bandwidth exhausted or memory limit exceeded'],
    [8, 'Received message larger than max (1013478509 vs 4194304)'],
    [7, 'Protocol not secure enough'],
    [2, 'No status information received'],
    [2, 'Received HTTP status code 500'],
    [2, 'Received HTTP status code 200'],
  ])('%i is no word of the server where grpc-js says: %s', (code, details) => {
    expect(failed(code, { details })).toBe('unknown')
  })
  test.each([
    [13, 'Received HTTP status code 400'],
    [16, 'Received HTTP status code 401'],
    [13, 'cannot write to the database'],
    [13, 'upstream: Received RST_STREAM with code 2'],
  ])('%i is permanent with: %s', (code, details) => {
    expect(failed(code, { details })).toBe('rejected')
  })
  test.each([
    [14, 'Name resolution failed for target dns:collector.invalid:4317'],
    [13, 'Failed to start HTTP/2 stream with error New streams cannot be created after receiving a GOAWAY'],
    [2, 'Getting metadata from plugin failed with error: no token'],
    [16, 'Getting metadata from plugin failed with error: no token'],
  ])('%i was never sent where grpc-js says: %s', (code, details) => {
    expect(failed(code, { details })).toBe('undelivered')
  })
})

test.each([0, -104, 17, 23, 301, 600, Number.NaN, {}, null])(
  'a code that means nothing leaves the outcome open: %s',
  (code) => {
    expect(failed(code)).toBe('unknown')
  },
)

describe('an answer that is none', () => {
  test.each([undefined, null, {}, { code: 1, error: 'no' }, { code: 1, error: null }, { code: 'ok' }])(
    'leaves the outcome open: %j',
    (result) => {
      expect(outcomeOf(result as never, 0).type).toBe('unknown')
    },
  )
  test.each(['code', 'error'])('leaves it open where its %s cannot be read', (property) => {
    const hostile = Object.defineProperty({ code: 1 }, property, {
      get: () => {
        throw new Error('no')
      },
    })
    expect(outcomeOf(hostile, 0)).toEqual({ type: 'unknown', reason: "the exporter's answer cannot be read: no" })
  })
  test('leaves it open as well where its details cannot be read', () => {
    const hostile = {
      code: 13,
      get details() {
        throw new Error('no')
      },
    }
    expect(outcomeOf({ code: 1, error: hostile as never }, 0).type).toBe('unknown')
  })
})

describe('network errors', () => {
  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])('%s never reached anyone', (code) => {
    expect(failed(code)).toBe('undelivered')
  })
  test.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT'])('%s may have', (code) => {
    expect(failed(code)).toBe('unknown')
  })
  test('are found as the cause, where fetch puts them', () => {
    expect(failed(undefined, { cause: { code: 'ECONNREFUSED' } })).toBe('undelivered')
  })
})

describe('a call that took long enough for a try before its last one', () => {
  test.each(['ECONNREFUSED', 'ENOTFOUND', 429, 503])('leaves the outcome open: %s', (code) => {
    expect(failed(code, {}, 499)).toBe('undelivered')
    expect(failed(code, {}, 500)).toBe('unknown')
  })
  test('matters not to gRPC, whose exporter has one try', () => {
    expect(failed(14, { details: 'No connection established' }, 9_000)).toBe('undelivered')
  })
})
