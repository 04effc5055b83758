import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { PullExporterAdapter } from '@otel-sluice/exporter-adapter'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { reasonOf } from '../src/reason.ts'
import { redact } from '../src/redact.ts'
import { pushPipeline } from './support/pipeline.ts'

describe('a message keeps what went wrong and loses', () => {
  test.each([
    [
      'the user of a URL',
      'connect to https://joe:S3CRET@host:4318/v1 failed',
      'connect to https://[redacted]@host:4318/v1 failed',
    ],
    ['one with an @ in the password', 'GET http://joe:S3@CRET@host/', 'GET http://[redacted]@host/'],
    ['one with a / in the password', 'GET http://joe:S3/CRET@host/v1', 'GET http://[redacted]@host/v1'],
    ['one with a ? in it, of which no end is clear', 'GET http://joe:S3?CRET@host/', 'GET http://[redacted]'],
    ['a query with an @ in it', 'GET http://host/?to=a@b&key=S3CRET now', 'GET http://[redacted] now'],
    ['a user alone', 'GET http://S3CRET@host/v1', 'GET http://[redacted]@host/v1'],
    ['one without a scheme', 'getaddrinfo ENOTFOUND joe:S3CRET@host', 'getaddrinfo ENOTFOUND [redacted]@host'],
    ['the query of a URL', 'POST https://host/v1?key=S3CRET failed', 'POST https://host/v1?[redacted] failed'],
    ['an Authorization header', 'sent authorization: Bearer S3CRET', 'sent authorization: [redacted]'],
    ['an API key', "bad 'x-api-key': 'S3CRET'", "bad 'x-api-key': '[redacted]'"],
    ['a cookie', 'Set-Cookie: a=S3CRET; b=S3CRET', 'Set-Cookie: [redacted]'],
    ['a bearer token', 'refused Bearer S3CRET.abc', 'refused Bearer [redacted]'],
    ['an Api-Token', 'refused Api-Token dt0c01.S3CRET.DEF', 'refused Api-Token [redacted]'],
    ['an ApiKey', 'refused ApiKey S3CRETS3CRET', 'refused ApiKey [redacted]'],
    [
      'a header and its value side by side',
      'bad Lightstep-Access-Token S3CRET01',
      'bad Lightstep-Access-Token [redacted]',
    ],
    ['a header in quotation marks', 'bad x-api-key "S3CRET"', 'bad x-api-key "[redacted]"'],
    ['a cookie in quotation marks', 'cookie "sid=S3CRET"', 'cookie "[redacted]"'],
    ['an authorization side by side', 'Authorization Bearer S3CRET', 'Authorization Bearer [redacted]'],
    ['a header that ends in -key', 'signoz-ingestion-key=S3-CRET', 'signoz-ingestion-key=[redacted]'],
    ['one that ends in -team', 'x-honeycomb-team: S3CRET_123', 'x-honeycomb-team: [redacted]'],
    ['a password', 'password=S3CRET', 'password=[redacted]'],
    [
      'a header value that Node.js does not like',
      'Headers.append: "S3CRET\n" is an invalid header value.',
      'Headers.append: [redacted] is an invalid header value.',
    ],
    [
      'one that grpc-js does not like',
      'Metadata string value "S3CRET\n" contains illegal characters',
      'Metadata string value [redacted] contains illegal characters',
    ],
    ['a JSON body', '400 {"error":"S3CRET"} and more S3CRET', '400 [redacted]'],
    ['an HTML body', '502 <html><p>S3CRET</p></html>', '502 [redacted]'],
    ['what is announced as a body', 'failed, body: S3CRET\nS3CRET', 'failed, body: [redacted]'],
    [
      'what JSON.parse quotes',
      'Unexpected token S, "S3CRET" is not valid JSON',
      'Unexpected token S, [redacted] is not valid JSON',
    ],
  ])('%s', (_what, message, expected) => {
    expect(redact(message)).toBe(expected)
  })

  test('lines, and whatever is beyond 300 characters', () => {
    expect(redact('one\r\ntwo')).toBe('one two')
    expect(redact('x'.repeat(1000))).toBe(`${'x'.repeat(300)}…`)
  })
})

test('messages without secrets stay as they are', () => {
  for (const message of [
    'connect ECONNREFUSED 127.0.0.1:4318',
    '14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1',
    'getaddrinfo ENOTFOUND collector.example',
    'Export failed with retryable status',
    'HTTP 401: Unauthorized',
    'the token has expired',
    'the access token has expired',
    'invalid token for this tenant',
    'Invalid credentials supplied',
    'no authorization given',
    'password required, password incorrect',
    'missing x-api-key header',
    'x-api-key is not valid for this region',
    'unknown x-honeycomb-team of a request',
    'wrong number of points in http://host:4318/v1/metrics at 12:30:05',
    'no primary-key for http://host/v1/metrics',
    'mail to ops@collector.example about it',
  ]) {
    expect(redact(message)).toBe(message)
  }
})

test('a password in a URL is never left, whatever is around it', () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9 .,;=_%-]{0,20}$/)
  fc.assert(
    fc.property(word, word, fc.stringMatching(/^[a-zA-Z0-9!$&*+,;=:.~%@/?#-]{0,20}$/), (before, after, more) => {
      expect(redact(`${before} https://joe:S3CRET${more}@host/ ${after}`)).not.toContain('S3CRET')
    }),
  )
})

test('a long message takes time in proportion', () => {
  for (const part of [
    'a.',
    'a://',
    'token',
    'Basic ',
    '"',
    'http://a@',
    'a:b',
    ':@',
    '-key ',
    'x-api-key ',
    'token "',
    '://',
    '-key',
  ]) {
    const started = process.cpuUsage()
    redact(part.repeat(20_000))
    const { user } = process.cpuUsage(started)
    expect(user / 1000).toBeLessThan(1_000)
  }
})

describe('the reason in words', () => {
  test('is the message', () => {
    expect(reasonOf(new Error('no'))).toBe('no')
  })
  test('says the HTTP status once', () => {
    expect(reasonOf(Object.assign(new Error('Bad Request'), { code: 400 }))).toBe('HTTP 400: Bad Request')
    expect(reasonOf(Object.assign(new Error(''), { code: 413 }))).toBe('HTTP 413')
    expect(reasonOf(Object.assign(new Error('status 500'), { code: 500 }))).toBe('status 500')
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
  test('never throws, whatever was thrown', () => {
    const hostile = {
      get message() {
        throw new Error('S3CRET')
      },
    }
    const circular = Object.assign(new Error(''), { errors: [] as unknown[] })
    circular.errors.push(circular)
    const thrown = [undefined, null, 'word', 7, Symbol('s'), Object.create(null), {}, hostile, circular]
    expect(thrown.map(reasonOf)).toEqual([
      'no error was given',
      'null',
      'word',
      '7',
      'Symbol(s)',
      'an error without a message',
      'an error without a message',
      'an error that cannot be read',
      'Error',
    ])
  })
})

describe('an exporter whose errors are full of secrets', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  const secretive = (code?: number) =>
    Object.assign(new Error('POST https://joe:S3CRET@host/ failed: {"k":"S3CRET"}'), {
      code,
      data: 'S3CRET',
      headers: { authorization: 'S3CRET' },
      config: { auth: 'S3CRET' },
    })

  test.each([
    ['fails', { code: 1, error: secretive() }],
    ['is rejected', { code: 1, error: secretive(400) }],
  ])('tells none of them when it %s, at any time', async (_how, result) => {
    const seen: unknown[] = diagLog()
    const { exporter, reader, counter, interval, stats } = pushPipeline()
    exporter.export = (_metrics, done) => done(result)
    exporter.forceFlush = () => Promise.reject(secretive())
    exporter.shutdown = () => Promise.reject(secretive())
    counter.add(1)
    await interval()
    seen.push(stats().lastError)
    counter.add(1)
    seen.push(await reader.forceFlush().catch((error: unknown) => error))
    counter.add(1)
    seen.push(await reader.shutdown().catch((error: unknown) => error))
    expect(seen.length).toBeGreaterThanOrEqual(5)
    for (const each of seen) {
      const text = each instanceof AggregateError ? [each, ...each.errors].map(everything).join() : everything(each)
      expect(text).toContain('[redacted]')
      expect(text).not.toContain('S3CRET')
    }
  })

  test('nor does one that is pulled from', async () => {
    const pull = new PrometheusExporter({ preventServerStart: true })
    const adapter = new PullExporterAdapter(pull)
    pull.shutdown = () => Promise.reject(secretive())
    await adapter.shutdown({ timeoutMillis: 10 })
    expect(adapter.stats().lastError).toBe('POST https://[redacted]@host/ failed: [redacted]')
  })

  function everything(value: unknown): string {
    if (!(value instanceof Error)) return String(value)
    return `${value.stack} ${JSON.stringify(value)} ${String(value.cause)}`
  }
})
