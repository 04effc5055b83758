import { describe, expect, test } from 'vitest'
import { outcomeOf, reasonOf } from '../src/push/outcome.ts'

const failed = (code: unknown, more: object = {}) =>
  outcomeOf({ code: 1, error: Object.assign(new Error('failed'), { code, ...more }) }).type

test('success is delivered', () => {
  expect(outcomeOf({ code: 0 })).toEqual({ type: 'delivered' })
})

test('a failure without details leaves the outcome open', () => {
  expect(outcomeOf({ code: 1 })).toMatchObject({ type: 'unknown' })
  expect(failed(undefined)).toBe('unknown')
})

describe('OTLP/HTTP statuses', () => {
  test.each([429, 502, 503, 504])('%i was not taken in and is retried', (status) => {
    expect(failed(status)).toBe('undelivered')
  })
  test.each([400, 401, 403, 404, 413, 500, 501, 505])('%i is permanent', (status) => {
    expect(failed(status)).toBe('rejected')
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
    expect(failed(8, { metadata: { get: () => [Buffer.from('retry')] } })).toBe('undelivered')
  })
})

describe('network errors', () => {
  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])('%s never reached anyone', (code) => {
    expect(failed(code)).toBe('undelivered')
  })
  test.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT'])('%s may have', (code) => {
    expect(failed(code)).toBe('unknown')
  })
})

describe('the reason in words', () => {
  test('is the message', () => {
    expect(reasonOf(new Error('no'))).toBe('no')
  })
  test('is what each address said where Node.js tried several and left the message empty', () => {
    const refused = (address: string) => new Error(`connect ECONNREFUSED ${address}`)
    expect(reasonOf(new AggregateError([refused('::1'), refused('127.0.0.1')]))).toBe(
      'connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1',
    )
  })
  test('is the code or the kind of error where there is nothing else', () => {
    expect(reasonOf(Object.assign(new Error(''), { code: 'ECONNRESET' }))).toBe('ECONNRESET')
    expect(reasonOf(new TypeError(''))).toBe('TypeError')
  })
})
