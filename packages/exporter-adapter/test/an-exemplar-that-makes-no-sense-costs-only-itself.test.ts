import { ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api'
import { createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import { MetricsBuffer } from '@otel-sluice/processor'
import { expect, test } from 'vitest'
import { decodeFamilies } from './support/prometheus-protobuf.ts'
import { parseText } from './support/prometheus-text.ts'
import { OPENMETRICS, PROTOBUF, served } from './support/scraped.ts'

const SOUND = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }

const throwing = (): never => {
  throw new Error('no')
}

test.each([
  ['a trace id that is a number', { traceId: 5 }],
  ['a span id that is nothing', { spanId: undefined }],
  ['ids that are objects', { traceId: { toString: throwing }, spanId: {} }],
  ['a trace id that is none', { traceId: 'trace' }],
  ['a trace id of zeros', { traceId: '0'.repeat(32) }],
  ['a span id without end', { spanId: 'a'.repeat(1_000_000) }],
])('%s is left out of an exemplar', async (_what, wrong) => {
  const buffer = new MetricsBuffer({ exemplarFilter: 'trace_based' })
  const { meter, scrape } = await served({ reader: { buffer } })
  const span = { ...SOUND, ...wrong, traceFlags: TraceFlags.SAMPLED } as unknown as SpanContext
  const context = trace.setSpanContext(ROOT_CONTEXT, span)
  meter.createCounter('counter').add(5, { a: 1 }, context)
  meter.createHistogram('histogram').record(5, { a: 1 }, context)
  const openMetrics = await scrape(OPENMETRICS)
  expect(openMetrics.status).toBe(200)
  const samples = [...parseText(openMetrics.text, true).values()].flatMap((family) => family.samples)
  expect(samples.map(({ exemplar }) => exemplar).filter((each) => each !== undefined)).toEqual([
    expect.stringMatching(/^\{\} 5 /),
    expect.stringMatching(/^\{\} 5 /),
  ])
  const protobuf = await scrape(PROTOBUF)
  expect(protobuf.status).toBe(200)
  expect(decodeFamilies(protobuf.body).map(({ metric }) => metric.length)).toEqual([1, 1, 1])
})

test.each([
  ['a function', () => 1],
  ['a map', { a: 1 }],
  ['a BigInt', 5n],
  ['what throws as text', { toString: throwing, toJSON: throwing }],
  ['an array without end', Object.assign([], { length: 2 ** 32 - 1 })],
])('a filtered attribute that is %s is left out of an exemplar', async (_what, bad) => {
  const attributesProcessors = [createAllowListAttributesProcessor(['kept'])]
  const views = [{ instrumentName: '*', attributesProcessors }]
  const buffer = new MetricsBuffer({ exemplarFilter: 'always_on', views })
  const { meter, scrape } = await served({ reader: { buffer } })
  meter.createCounter('counter').add(5, { bad: bad as never, good: 'x', kept: 'y' })
  const { status, text } = await scrape(OPENMETRICS)
  expect(status).toBe(200)
  const [sample] = parseText(text, true).get('counter')!.samples
  expect(sample).toMatchObject({ value: 5, exemplar: expect.stringMatching(/^\{good="x"\} 5 /) })
})
