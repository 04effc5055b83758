import { type Attributes, ValueType } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  MeterProvider,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const histogram = (count: number): Histogram => ({
  buckets: { boundaries: [1], counts: [count, 0] },
  count,
  sum: count,
})
const exponential = (count: number): ExponentialHistogram => ({
  count,
  sum: count,
  scale: 0,
  zeroCount: 0,
  positive: { offset: 0, bucketCounts: [count] },
  negative: { offset: 0, bucketCounts: [] },
})

/** A metric with a point for each of these, whose other fields are as they should be. */
function metric(dataPointType: DataPointType, points: readonly (object | null)[], isCumulative = false): MetricData {
  return {
    descriptor: { name: 'produced', description: '', unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: isCumulative ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
    isMonotonic: true,
    dataPointType,
    dataPoints: points as never,
  } as MetricData
}

const point = (value: unknown, attributes: object = {}): object => ({
  startTime: [1_700_000_000, 0],
  endTime: [1_700_000_060, 0],
  attributes,
  value,
})

async function exported(metrics: readonly MetricData[]) {
  const adapter = new CollectingAdapter()
  const resource = resourceFromAttributes({})
  const collect = async () => ({
    resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'producer' }, metrics: [...metrics] }] },
    errors: [],
  })
  const reader = new BufferingMetricReader({ adapters: [adapter], metricProducers: [{ collect }] })
  new MeterProvider({ readers: [reader] })
  await reader.flush()
  return { absorbed: adapter.absorbed.map(({ attributes, value }) => [attributes, value]), reader }
}

class ThrowsAsJson {
  toJSON = throwing
}

describe.each([
  ['sum', DataPointType.SUM],
  ['gauge', DataPointType.GAUGE],
])('in a %s', (_kind, type) => {
  test.each([
    ['no point', null],
    ['a revoked proxy', revoked({})],
    ['a value that throws', throwingAt('value', point(1))],
    ['attributes that throw', throwingAt('attributes', point(1))],
    ['an attribute that throws', point(1, throwingAt('a'))],
    ['attributes that are a revoked proxy', point(1, revoked({}))],
    ['an attribute that throws as JSON', point(1, { a: new ThrowsAsJson() })],
    ['a value that is text', point('5')],
    ['no value', point(undefined)],
    ['a BigInt', point(5n)],
  ])('%s leaves the points beside it alone, is counted and reported once', async (_what, bad) => {
    const { absorbed, reader } = await exported([metric(type, [point(2, { n: 1 }), bad, point(2, { n: 2 })])])
    expect(absorbed).toEqual([
      [{ n: 1 }, 2],
      [{ n: 2 }, 2],
    ])
    await reader.flush()
    expect(reader.stats().collectErrors).toBe(2)
    expect(log).toEqual([
      expect.stringMatching(/^error sluice: 1 points of produced could not be read and are dropped /),
    ])
  })
})

describe.each([
  ['histogram', DataPointType.HISTOGRAM, histogram],
  ['exponential histogram', DataPointType.EXPONENTIAL_HISTOGRAM, exponential],
] as const)('in a %s', (_kind, type, make) => {
  test.each([
    ['nothing', undefined],
    ['a number', 5],
    ['no buckets', { ...make(1), buckets: undefined, positive: undefined }],
    ['a count that throws', throwingAt('count', make(1))],
    ['a sum that throws', throwingAt('sum', make(1))],
    ['a sum that is a BigInt', { ...make(1), sum: 1n }],
  ])('%s for a value leaves no trace, in whatever place it comes', async (_what, value) => {
    for (const place of [0, 1, 2]) {
      const points = [1, 2].map((n) => point(make(n), { n }))
      points.splice(place, 0, point(value, { bad: true }))
      const { absorbed, reader } = await exported([metric(type, points)])
      expect(absorbed).toMatchObject([
        [{ n: 1 }, { count: 1 }],
        [{ n: 2 }, { count: 2 }],
      ])
      expect(reader.stats().collectErrors).toBe(1)
    }
  })
})

test('a histogram with more buckets than its metric has does not reach into the next one', async () => {
  const wide = { buckets: { boundaries: [1, 2, 3], counts: [7, 7, 7, 7] }, count: 28, sum: 28 }
  const points = [histogram(1), wide, histogram(2)].map((value, n) => point(value, { n }))
  const { absorbed } = await exported([metric(DataPointType.HISTOGRAM, points)])
  expect(absorbed).toMatchObject([
    [{ n: 0 }, { count: 1, buckets: { counts: [1, 0] } }],
    [{ n: 2 }, { count: 2, buckets: { counts: [2, 0] } }],
  ])
})

test('a cumulative point whose start throws is left out, too', async () => {
  const points = [throwingAt('startTime', point(5, { n: 1 })), point(7, { n: 2 })]
  const { absorbed } = await exported([metric(DataPointType.SUM, points, true)])
  expect(absorbed).toEqual([[{ n: 2 }, 7]])
})

test('a metric, and a scope, that cannot be read leave the others alone', async () => {
  const good = metric(DataPointType.SUM, [point(1)])
  const adapter = new CollectingAdapter()
  const scopeMetrics: unknown[] = [
    null,
    { scope: { name: 'a' }, metrics: [null, throwingAt('descriptor', good), { ...good, descriptor: null }] },
    throwingAt('metrics'),
    { scope: { name: 'b' }, metrics: [good] },
  ]
  const resourceMetrics = { resource: resourceFromAttributes({}), scopeMetrics } as never
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    metricProducers: [{ collect: async () => ({ resourceMetrics, errors: [] }) }],
  })
  new MeterProvider({ readers: [reader] })
  await reader.flush()
  expect(adapter.values('produced')).toEqual([1])
  expect(reader.stats().collectErrors).toBe(5)
})

test('an attribute that throws once the SDK is collected costs its series, not the metric', async () => {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  let isBroken = false
  const moody = {
    get n() {
      return isBroken ? throwing() : 1
    },
  }
  counter.add(1, { n: 0 })
  counter.add(1, moody as Attributes)
  counter.add(1, { n: 2 })
  isBroken = true
  await reader.flush()
  expect(adapter.absorbed.map(({ attributes }) => attributes.n)).toEqual([0, 2])
  expect(reader.stats().collectErrors).toBe(1)
})

test.each([
  ['nothing', undefined],
  ['null', null],
  ['no metrics', { errors: [] }],
  ['no list of metrics', { resourceMetrics: { scopeMetrics: 5 }, errors: [] }],
])('a producer that gives %s costs only what it would have given, in turns and by hand', async (_what, given) => {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    metricProducers: [{ collect: async () => given as never }],
  })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  counter.add(1)
  const { resourceMetrics, errors } = await reader.collect()
  expect(resourceMetrics.scopeMetrics.map(({ scope }) => scope.name)).toEqual(['test'])
  expect(errors.map(String)).toEqual([expect.stringMatching(/metricProducers\[0\] failed/)])
  counter.add(1)
  await reader.flush()
  expect(adapter.values('counter')).toEqual([2])
  expect(reader.stats().collectErrors).toBe(2)
})
