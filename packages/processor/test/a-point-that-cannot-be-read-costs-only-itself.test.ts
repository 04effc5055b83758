import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type HistogramMetricData,
  MeterProvider,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const { SUM, GAUGE, HISTOGRAM, EXPONENTIAL_HISTOGRAM } = DataPointType
const { DELTA, CUMULATIVE } = AggregationTemporality

/** A reader whose producer gives these metrics in one scope, until it is told otherwise. */
function produced(...metrics: unknown[]) {
  let given: unknown = {
    scopeMetrics: [{ scope: { name: 'producer' }, metrics }],
    resource: resourceFromAttributes({}),
  }
  let errors: unknown = []
  const producer: MetricProducer = {
    collect: async () => ({ resourceMetrics: given, errors }) as CollectionResult,
  }
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], metricProducers: [producer] })
  new MeterProvider({ readers: [reader] })
  return {
    reader,
    adapter,
    gives(next: unknown, nextErrors: unknown = []) {
      given = next
      errors = nextErrors
    },
    /** A turn; everything of a metric since the start, by value. */
    async values(name = 'metric') {
      await reader.flush()
      return adapter.values(name)
    },
  }
}

const point = (value: unknown, others: object = {}) => ({
  startTime: [1, 0],
  endTime: [2, 0],
  attributes: {},
  value,
  ...others,
})

function metric(dataPointType: unknown, dataPoints: unknown, others: object = {}) {
  return {
    descriptor: { name: 'metric', description: '', unit: '', valueType: 1 },
    aggregationTemporality: DELTA,
    isMonotonic: true,
    dataPointType,
    dataPoints,
    ...others,
  }
}

const explicit = (others: object = {}) => ({
  buckets: { boundaries: [1, 2], counts: [1, 0, 2] },
  count: 3,
  sum: 7,
  min: 1,
  max: 3,
  ...others,
})
const exponential = (others: object = {}) => ({
  scale: 3,
  count: 2,
  zeroCount: 0,
  sum: 3,
  positive: { offset: 0, bucketCounts: [1, 1] },
  negative: { offset: 0, bucketCounts: [] },
  ...others,
})

describe.each([
  ['a sum', SUM, 5, [undefined, null, Number.NaN, '5', {}, [5], () => 5, Symbol('s'), revoked({})]],
  ['a gauge', GAUGE, 5, [undefined, null, '5', {}, new Date(0), true]],
  [
    'an explicit histogram',
    HISTOGRAM,
    explicit(),
    [
      5,
      null,
      revoked({}),
      {},
      explicit({ buckets: undefined }),
      explicit({ buckets: { boundaries: [1, 2], counts: [1, 2] } }),
      explicit({ buckets: { boundaries: [1, 2], counts: [1, 2, 3, 4, 5, 6, 7] } }),
      explicit({ buckets: { boundaries: [1, 2], counts: [1, 0.5, 0] } }),
      explicit({ buckets: { boundaries: [1, 2], counts: [1, Number.NaN, 0] } }),
      explicit({ buckets: { boundaries: [1, '2'], counts: [1, 0, 0] } }),
      explicit({ buckets: { boundaries: Object.assign([], { length: 2 ** 32 - 1 }), counts: [] } }),
      explicit({ count: undefined }),
      explicit({ count: 2 ** 60 }),
      explicit({ sum: Number.NaN }),
      explicit({ sum: {} }),
      Object.defineProperty({}, 'buckets', { get: throwing }),
    ],
  ],
  [
    'an exponential histogram',
    EXPONENTIAL_HISTOGRAM,
    exponential(),
    [
      5,
      {},
      exponential({ scale: 2.5 }),
      exponential({ scale: 21 }),
      exponential({ scale: -12 }),
      exponential({ scale: Number.NaN }),
      exponential({ positive: undefined }),
      exponential({ positive: { offset: 0.5, bucketCounts: [1] } }),
      exponential({ positive: { offset: 2 ** 31, bucketCounts: [1] } }),
      exponential({ negative: { offset: -(2 ** 40), bucketCounts: [1] } }),
      exponential({ positive: { offset: 0, bucketCounts: Object.assign([], { length: 2 ** 32 - 1 }) } }),
      exponential({ zeroCount: 'none' }),
    ],
  ],
])('of %s', (_what, type, sound, unsound) => {
  test.each([
    ['delta', DELTA],
    ['cumulative', CUMULATIVE],
  ])(
    'a point of no value is dropped and counted, and its neighbours arrive: %s',
    async (_name, aggregationTemporality) => {
      for (const value of unsound) {
        log = diagLog()
        const points = [point(sound, { attributes: { a: 1 } }), point(value), point(sound, { attributes: { a: 2 } })]
        const { values, reader } = produced(metric(type, points, { aggregationTemporality }))
        expect(await values()).toEqual([sound, sound])
        expect(reader.stats()).toMatchObject({ droppedMeasurements: 1, collectErrors: 0 })
        await reader.flush()
        expect(log.filter((line) => line.startsWith('warn sluice: metric: '))).toHaveLength(1)
        expect(log[0]).toMatch(/; such points are dropped \(reported once\)$/)
      }
    },
  )
})

test.each([
  ['null', null],
  ['a text', 'point'],
  ['a revoked proxy', revoked({})],
  ['what throws', Object.defineProperty({}, 'attributes', { get: throwing })],
])('a point that is %s is dropped and counted, and its neighbours arrive', async (_what, odd) => {
  const { values, reader } = produced(metric(SUM, [point(1), odd, point(2)]))
  expect(await values()).toEqual([3])
  expect(reader.stats().droppedMeasurements).toBe(1)
})

test('an array may say what it likes of its own points', async () => {
  const points = [point(1)]
  Object.defineProperty(points, 1, { get: throwing, enumerable: true })
  points.push(point(2))
  Object.defineProperty(points, Symbol.iterator, { value: () => ({ next: () => ({ value: point(1) }) }) })
  const { values, reader } = produced(metric(SUM, points))
  expect(await values()).toEqual([3])
  expect(reader.stats().droppedMeasurements).toBe(1)
})

test.each([
  ['of no type', metric(7, [point(1)])],
  ['of a type that is an object', metric({ toString: throwing }, [point(1)])],
  ['without points', metric(SUM, undefined)],
  ['of more points than there are', metric(SUM, Object.assign([], { length: 2 ** 32 - 1 }))],
  ['of nothing but points that cannot be read', metric(SUM, [point('1'), null])],
  ['without a descriptor', metric(SUM, [point(1)], { descriptor: null })],
  ['without a name', metric(SUM, [point(1)], { descriptor: { unit: 's' } })],
  ['that is null', null],
  ['that is a revoked proxy', revoked({})],
])('a metric %s is dropped and counted, and the others arrive', async (_what, odd) => {
  const { values, reader } = produced(odd, metric(SUM, [point(1)], { descriptor: { name: 'sound' } }))
  expect(await values('sound')).toEqual([1])
  expect(reader.stats().collectErrors).toBe(1)
  await reader.flush()
  expect(reader.stats().collectErrors).toBe(2)
  expect(log.filter((line) => line.startsWith('error'))).toEqual([
    expect.stringMatching(/could not be read and is dropped \(metricProducers\[0\]; reported once\)/),
  ])
})

test.each([
  ['that is null', null],
  ['of no metrics', { scope: { name: 's' } }],
  ['that is a revoked proxy', revoked({})],
])('a scope %s is dropped, and the others arrive', async (_what, odd) => {
  const { values, gives } = produced()
  gives({ scopeMetrics: [odd, { scope: { name: 'sound' }, metrics: [metric(SUM, [point(1)])] }] })
  expect(await values()).toEqual([1])
})

test.each([undefined, null, 'text', { length: 3 }, new Map()])('errors that are %s are none', async (errors) => {
  const { values, gives, reader } = produced()
  gives({ scopeMetrics: [{ scope: { name: 's' }, metrics: [metric(SUM, [point(1)])] }] }, errors)
  expect(await values()).toEqual([1])
  expect(reader.stats().collectErrors).toBe(0)
})

test.each([
  ['is differenced', [() => 1], [{}]],
  ['is dropped where it would be taken for another one', [() => 1, undefined], [{ kept: 'x' }]],
  ['is dropped with the other one that it would be taken for', [() => 1, () => 2], []],
])('a cumulative point whose attributes cannot be kept %s', async (_what, bads, sound) => {
  const { values, gives, adapter, reader } = produced()
  const collections = 3
  for (let collection = 1; collection <= collections; collection++) {
    const points = bads.map((bad, i) =>
      point(10 * collection + i, { attributes: bad === undefined ? { kept: 'x' } : { bad, kept: 'x' } }),
    )
    const cumulative = metric(SUM, [...points, point(collection, { attributes: { other: 'y' } })], {
      aggregationTemporality: CUMULATIVE,
    })
    gives({ scopeMetrics: [{ scope: { name: 'producer' }, metrics: [cumulative] }] })
    await values()
  }
  const total = adapter.values('metric').reduce<number>((sum, value) => sum + (value as number), 0)
  expect(total).toBe(collections + (sound.length > 0 ? 10 * collections + (bads.length - 1) : 0))
  expect(reader.stats().droppedMeasurements).toBe(collections * (bads.length - sound.length))
})

test('a delta point whose attributes cannot be kept is added up with those that are like it', async () => {
  const points = [() => 1, () => 2, undefined].map((bad) => point(1, { attributes: { bad, kept: 'x' } }))
  const { values, reader } = produced(metric(SUM, points), metric(GAUGE, [point(5, { attributes: { bad: () => 1 } })]))
  expect((await values()).sort()).toEqual([1, 2, 5])
  expect(reader.stats().droppedMeasurements).toBe(0)
})

test('numbers may be BigInts', async () => {
  const { values } = produced(
    metric(SUM, [point(5n)]),
    metric(HISTOGRAM, [point(explicit({ buckets: { boundaries: [1n, 2], counts: [1n, 0n, 2n] }, count: 3n }))]),
  )
  expect(await values()).toEqual([5, explicit()])
})

test('a gauge may be NaN', async () => {
  const { values } = produced(metric(GAUGE, [point(Number.NaN)]))
  expect(await values()).toEqual([Number.NaN])
})

test('min and max that are no numbers are left out', async () => {
  const { values } = produced(metric(HISTOGRAM, [point(explicit({ min: 'least', max: Number.NaN }))]))
  const { min, max, ...rest } = explicit()
  expect(await values()).toEqual([rest])
})

test('points of one metric with other boundaries are of another stream', async () => {
  const other = { buckets: { boundaries: [10], counts: [4, 0] }, count: 4, sum: 8 }
  const { values, adapter, reader } = produced(metric(HISTOGRAM, [point(explicit()), point(other), point(explicit())]))
  const [first, second] = (await values()) as HistogramMetricData['dataPoints'][number]['value'][]
  expect(first).toMatchObject({ buckets: { boundaries: [1, 2], counts: [2, 0, 4] }, count: 6 })
  expect(second).toEqual(other)
  expect(adapter.absorbed).toHaveLength(2)
  expect(reader.stats().droppedMeasurements).toBe(0)
})

describe('times', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  test.each([
    ['undefined', undefined],
    ['NaN', [Number.NaN, 1]],
    ['negative', [-1, 0]],
    ['a part of a second', [1.5, 0]],
    ['an invalid Date', new Date(Number.NaN)],
    ['a text', 'now'],
    ['BigInts', [1n, 1n]],
    ['a proxy', revoked([])],
  ])('that are %s keep no cumulative sum from being differenced', async (_what, time) => {
    const { values, gives } = produced()
    for (const total of [3, 10, 12]) {
      const points = [point(total, { startTime: time, endTime: time })]
      const cumulative = metric(SUM, points, { aggregationTemporality: CUMULATIVE })
      gives({ scopeMetrics: [{ scope: { name: 'producer' }, metrics: [cumulative] }] })
      vi.setSystemTime(Date.now() + 1_000)
      await values()
    }
    gives({ scopeMetrics: [] })
    expect(await values()).toEqual([3, 7, 2])
  })

  test.each([
    ['as the SDK has them', [7, 250_000_000], [7, 250_000_000]],
    ['a Date', new Date(7_250), [7, 250_000_000]],
    ['milliseconds', 7_250, [7, 250_000_000]],
  ])('that are %s are taken as such', async (_what, time, expected) => {
    const { reader } = produced(metric(SUM, [point(1, { startTime: time, endTime: time })]))
    const { resourceMetrics } = await reader.collect()
    const [taken] = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
    expect(taken!.dataPoints[0]).toMatchObject({ startTime: expected, endTime: expected })
  })
})

test('a value or an attribute that is read twice is not another one the second time', async () => {
  let reads = 0
  const fickle = (first: unknown) => ({
    get: () => (reads++ % 2 === 0 ? first : { toString: throwing }),
    enumerable: true,
  })
  const points = [1, 2, 3].map((value) => {
    const attributes = Object.defineProperty({}, 'a', fickle('x'))
    return Object.defineProperty(point(0, { attributes }), 'value', fickle(value))
  })
  const { values } = produced(metric(SUM, points, { aggregationTemporality: CUMULATIVE }))
  await values()
  expect(reads).toBe(6)
})
