import { describe, expect, test } from 'vitest'
import { acceptsGzip, negotiate } from '../src/prometheus/negotiation.ts'

const TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'
const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores'
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores'

const typeFor = (accept?: string) => negotiate(accept).contentType

describe('the content type', () => {
  test.each([
    undefined,
    '',
    '*/*',
    'text/*',
    'text/plain',
    'application/json',
    'text/html,application/xml;q=0.9',
    ';;,q=1',
  ])('for Accept: %s is text 0.0.4', (accept) => {
    expect(typeFor(accept)).toBe(TEXT)
  })

  test.each([
    ['text/plain;version=1.0.0', 'text/plain; version=1.0.0; charset=utf-8; escaping=underscores'],
    ['text/plain;version=1.0.0;escaping=allow-utf-8', 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8'],
    ['text/plain; version="0.0.4"; escaping=allow-utf-8', TEXT],
    ['application/openmetrics-text', OPENMETRICS],
    ['application/openmetrics-text;version=1.0.0;escaping=dots', OPENMETRICS.replace('underscores', 'dots')],
    [
      'application/openmetrics-text;version=0.0.1',
      'application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores',
    ],
    ['application/openmetrics-text;version=9.0.0', TEXT],
    ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited', PROTOBUF],
    ['application/vnd.google.protobuf;proto=other.Message;encoding=delimited', TEXT],
    ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text', TEXT],
    ['text/plain;version=1.0.0;escaping=nonsense', 'text/plain; version=1.0.0; charset=utf-8; escaping=underscores'],
  ])('for Accept: %s is %s', (accept, expected) => {
    expect(typeFor(accept)).toBe(expected)
  })

  test('is that of the highest q-value', () => {
    expect(typeFor('text/plain;version=0.0.4;q=0.3,application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1')).toBe(
      OPENMETRICS,
    )
    expect(typeFor('application/openmetrics-text;q=0.2,text/plain;q=0.9')).toBe(TEXT)
  })

  test('is the first named of those that are equal', () => {
    expect(typeFor('application/openmetrics-text,text/plain')).toBe(OPENMETRICS)
    expect(typeFor('text/plain,application/openmetrics-text')).toBe(TEXT)
  })

  test('is never what has a q-value of 0 or none that can be read', () => {
    expect(typeFor('application/openmetrics-text;q=0')).toBe(TEXT)
    expect(typeFor('application/openmetrics-text;q=high')).toBe(TEXT)
  })

  test('for Prometheus 2 is OpenMetrics, and protobuf once it wants native histograms', () => {
    const text =
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
    const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
    expect(typeFor(text)).toBe(OPENMETRICS)
    expect(typeFor(`${protobuf},${text.replaceAll('version=1.0.0', 'version=1.0.0;q=0.8')}`)).toBe(PROTOBUF)
  })
})

describe('gzip', () => {
  test.each(['gzip', 'deflate, gzip;q=0.5', 'x-gzip', '*', 'br;q=1, *;q=0.1', 'GZIP'])('is taken by %s', (header) => {
    expect(acceptsGzip(header)).toBe(true)
  })

  test.each([undefined, '', 'identity', 'gzip;q=0', '*;q=0', 'br', '*, gzip;q=0'])('is not taken by %s', (header) => {
    expect(acceptsGzip(header)).toBe(false)
  })
})
