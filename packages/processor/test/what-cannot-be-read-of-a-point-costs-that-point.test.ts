import { type Attributes, ValueType } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType, MeterProvider, type MetricData } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const point = (value: unknown, attributes: object = {}): object => ({
  startTime: [1_700_000_000, 0],
  endTime: [1_700_000_060, 0],
  attributes,
  value,
})

const metric = (dataPointType: DataPointType, points: readonly (object | null)[]): MetricData =>
  ({
    descriptor: { name: 'collected', description: '', unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
    isMonotonic: true,
    dataPointType,
    dataPoints: points,
  }) as never

/** A reader that collects this in every turn, in the place of the SDK. */
function collecting(scopeMetrics: readonly unknown[]) {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const resourceMetrics = { resource: resourceFromAttributes({}), scopeMetrics } as never
  reader.setMetricProducer({ collect: async () => ({ resourceMetrics, errors: [] }) })
  return { adapter, reader }
}

const scoped = (...metrics: readonly unknown[]) => [{ scope: { name: 'test' }, metrics }]

class ThrowsAsJson {
  toJSON = throwing
}

describe.each([
  ['sum', DataPointType.SUM],
  ['gauge', DataPointType.GAUGE],
])('in a %s', (_kind, type) => {
  const beside = (bad: object | null) => scoped(metric(type, [point(2, { n: 1 }), bad, point(2, { n: 2 })]))

  test.each([
    ['no point', null],
    ['a revoked proxy', revoked({})],
    ['a value that throws', throwingAt('value', point(1))],
    ['attributes that throw', throwingAt('attributes', point(1))],
  ])('%s leaves the points beside it alone, is counted each time and reported once', async (_what, bad) => {
    const { adapter, reader } = collecting(beside(bad))
    for (let turn = 0; turn < 2; turn++) await reader.flush()
    expect(adapter.values('collected')).toEqual([2, 2, 2, 2])
    expect(reader.stats().collectErrors).toBe(2)
    expect(log).toEqual([
      expect.stringMatching(/^error sluice: 1 points of collected could not be read and are dropped /),
    ])
  })

  test.each([
    ['an attribute that throws', point(1, throwingAt('a'))],
    ['attributes that are a revoked proxy', point(1, revoked({}))],
    ['an attribute that throws as JSON', point(1, { a: new ThrowsAsJson() })],
  ])('%s leaves the points beside it alone', async (_what, bad) => {
    const { adapter, reader } = collecting(beside(bad))
    await reader.flush()
    const absorbed = adapter.absorbed.map(({ attributes, value }) => [attributes, value])
    expect(absorbed).toEqual(
      expect.arrayContaining([
        [{ n: 1 }, 2],
        [{ n: 2 }, 2],
      ]),
    )
    expect(log).toHaveLength(1)
  })
})

test('a metric, and a scope, that cannot be read leave the others alone', async () => {
  const good = metric(DataPointType.SUM, [point(1)])
  const { adapter, reader } = collecting([
    null,
    ...scoped(null, throwingAt('descriptor', good), throwingAt('dataPoints', good), { ...good, descriptor: null }),
    throwingAt('metrics'),
    ...scoped(good),
  ])
  await reader.flush()
  expect(adapter.values('collected')).toEqual([1])
  expect(reader.stats().collectErrors).toBe(6)
})

test('an attribute that throws only when the SDK is collected leaves the other series alone', async () => {
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
  expect(adapter.absorbed.map(({ attributes }) => attributes.n)).toEqual(expect.arrayContaining([0, 2]))
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
