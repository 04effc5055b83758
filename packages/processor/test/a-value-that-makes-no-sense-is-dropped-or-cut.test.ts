import { ValueType } from '@opentelemetry/api'
import { AggregationType } from '@opentelemetry/sdk-metrics'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const NOT_NUMBERS: readonly unknown[] = [
  Number.NaN,
  '1',
  '',
  null,
  undefined,
  true,
  1n,
  Symbol('s'),
  {},
  [],
  [1],
  () => 1,
  new Date(0),
  Object(1),
  { valueOf: throwing },
  { [Symbol.toPrimitive]: throwing },
  revoked({}),
]

test.each(['createCounter', 'createUpDownCounter'] as const)(
  'that is no number is dropped and counted: %s',
  async (create) => {
    const { meter, points, reader } = bufferedPipeline()
    const counter = meter[create]('counter')
    const bound = counter.bind({ bound: true })
    counter.add(1)
    bound.add(1)
    for (const value of NOT_NUMBERS) {
      counter.add(value as never)
      counter.add(value as never, { a: 1 })
      bound.add(value as never)
    }
    expect(await points()).toEqual([
      [{}, 1],
      [{ bound: true }, 1],
    ])
    expect(reader.stats().droppedMeasurements).toBe(3 * NOT_NUMBERS.length)
    expect(log).toEqual([
      'warn sluice: counter: a value must be a number, got NaN: such measurements are dropped (reported once)',
    ])
  },
)

test.each(['createGauge', 'createHistogram'] as const)(
  'that is no number is dropped and counted: %s',
  async (create) => {
    const { meter, points, reader } = bufferedPipeline()
    const instrument = meter[create]('instrument')
    const bound = instrument.bind({ bound: true })
    for (const value of NOT_NUMBERS) {
      instrument.record(value as never)
      instrument.record(value as never, { a: 1 })
      bound.record(value as never)
    }
    expect(await points()).toEqual([])
    expect(reader.stats().droppedMeasurements).toBe(3 * NOT_NUMBERS.length)
    expect(log).toHaveLength(1)
  },
)

test('a value that is observed and no number is dropped and counted', async () => {
  const { meter, points, reader } = bufferedPipeline()
  meter.createObservableGauge('gauge').addCallback((result) => {
    for (const value of NOT_NUMBERS) result.observe(value as never)
    result.observe(2, { good: true })
  })
  expect(await points()).toEqual([[{ good: true }, 2]])
  expect(reader.stats()).toMatchObject({ droppedMeasurements: NOT_NUMBERS.length, collectErrors: 0 })
})

test('a value below zero is dropped by counters and histograms, and taken by the others', async () => {
  const { meter, points, reader } = bufferedPipeline()
  meter.createCounter('counter').add(-1)
  meter.createHistogram('histogram').record(-0.5)
  meter.createUpDownCounter('upDown').add(-1)
  meter.createGauge('gauge').record(-1)
  expect(await points()).toEqual([
    [{}, -1],
    [{}, -1],
  ])
  expect(reader.stats().droppedMeasurements).toBe(2)
  expect(log).toEqual([
    'warn sluice: counter: a value must not be negative, got -1: such measurements are dropped (reported once)',
    'warn sluice: histogram: a value must not be negative, got -0.5: such measurements are dropped (reported once)',
  ])
})

test('a value of zero, of either sign, is taken', async () => {
  const { meter, points, reader } = bufferedPipeline()
  const counter = meter.createCounter('counter')
  counter.add(0)
  counter.add(-0)
  expect(await points()).toEqual([[{}, 0]])
  expect(reader.stats().droppedMeasurements).toBe(0)
})

test('a value of an INT instrument loses its fraction, on every path, and is told once', async () => {
  const { meter, points, reader } = bufferedPipeline()
  const options = { valueType: ValueType.INT }
  const counter = meter.createCounter('counter', options)
  const upDown = meter.createUpDownCounter('upDown', options)
  const [bound, boundUpDown] = [counter.bind({ bound: 1 }), upDown.bind({ bound: 1 })]
  for (let each = 0; each < 3; each++) {
    counter.add(1.9)
    counter.add(1.9, { a: 1 })
    bound.add(1.9)
    upDown.add(-1.9)
    boundUpDown.add(-1.9)
  }
  meter.createGauge('gauge', options).record(2.5)
  meter.createHistogram('histogram', { ...options, advice: { explicitBucketBoundaries: [2] } }).record(2.5)
  const exported = await points()
  expect(exported.slice(0, 6).map(([, value]) => value)).toEqual([3, 3, 3, -3, -3, 2])
  expect(exported[6]![1]).toMatchObject({ sum: 2, buckets: { counts: [1, 0] } })
  expect(reader.stats().droppedMeasurements).toBe(0)
  expect(log.filter((line) => line.includes('counter: a value of type INT must be whole'))).toHaveLength(1)
})

test('a value of an INT instrument that is infinite is dropped', async () => {
  const { meter, points, reader } = bufferedPipeline()
  const counter = meter.createCounter('counter', { valueType: ValueType.INT })
  counter.add(1)
  counter.add(Number.POSITIVE_INFINITY)
  expect(await points()).toEqual([[{}, 1]])
  expect(reader.stats().droppedMeasurements).toBe(1)
})

describe('a value that is infinite', () => {
  const INFINITE = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const exponential = { type: AggregationType.EXPONENTIAL_HISTOGRAM as const }
  const TOLD =
    'warn sluice: values: a value must be finite to have a bucket of an exponential histogram, got Infinity: such ' +
    'measurements are dropped (reported once)'

  test.each([
    ['plain', {}],
    ['with examples', { exemplarFilter: 'always_on' as const }],
  ])('is dropped and counted by an exponential histogram, on every path: %s', async (_what, options) => {
    const { meter, points, turn, reader } = bufferedPipeline({
      ...options,
      views: [{ instrumentName: 'values', aggregation: exponential }],
    })
    const values = meter.createGauge('values')
    const bound = values.bind({ bound: true })
    const recordEach = () => {
      for (const value of [...INFINITE, 1, ...INFINITE]) {
        values.record(value)
        values.record(value, { a: 1 })
        bound.record(value)
      }
    }
    recordEach()
    await turn()
    recordEach()
    const exported = await points()
    expect(exported.map(([attributes]) => attributes)).toEqual([{}, { a: 1 }, { bound: true }])
    for (const [, value] of exported) expect(value).toMatchObject({ count: 1, min: 1, max: 1 })
    expect(reader.stats().droppedMeasurements).toBe(24)
    expect(log).toEqual([TOLD])
  })

  test('is dropped by a histogram whose attributes and place were found before', async () => {
    const { meter, points, reader } = bufferedPipeline({
      views: [{ instrumentName: 'values', aggregation: exponential }],
    })
    const values = meter.createHistogram('values')
    for (const value of [1, Number.POSITIVE_INFINITY, 2]) values.record(value)
    expect(await points()).toMatchObject([[{}, { count: 2, sum: 3 }]])
    expect(reader.stats().droppedMeasurements).toBe(1)
    expect(log).toEqual([TOLD])
  })

  test('is dropped where it is observed, by exponential histograms and by sums, and the others go on', async () => {
    const { meter, points, reader } = bufferedPipeline({
      views: [{ instrumentName: 'values', aggregation: exponential }],
    })
    const script = [1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 4]
    const observeNext = (observe: (value: number) => void) => observe(script[turns]!)
    let turns = 0
    meter.createObservableGauge('values').addCallback((result) => observeNext((value) => result.observe(value)))
    meter.createObservableUpDownCounter('sum').addCallback((result) => observeNext((value) => result.observe(value)))
    const sums: unknown[] = []
    const counts: unknown[] = []
    for (turns = 0; turns < script.length; turns++) {
      for (const [, value] of await points()) {
        if (typeof value === 'number') sums.push(value)
        else counts.push((value as { count: number }).count)
      }
    }
    expect(sums).toEqual([1, 3])
    expect(counts.filter((count) => count !== 0)).toEqual([1, 1])
    expect(reader.stats().droppedMeasurements).toBe(4)
    expect(log).toEqual([
      TOLD,
      'warn sluice: sum: a sum that is observed must be finite, got Infinity: such measurements are dropped (reported once)',
    ])
  })

  test('is taken by an explicit histogram, also beside an exponential one', async () => {
    const { meter, points, reader } = bufferedPipeline({
      views: [
        { instrumentName: 'values', name: 'exponential', aggregation: exponential },
        { instrumentName: 'values', name: 'explicit' },
      ],
    })
    const values = meter.createHistogram('values')
    values.record(1)
    values.record(Number.POSITIVE_INFINITY)
    expect(await points('explicit')).toMatchObject([[{}, { count: 2 }]])
    values.record(1)
    values.record(Number.POSITIVE_INFINITY)
    expect(await points('exponential')).toMatchObject([[{}, { count: 1 }]])
    expect(reader.stats().droppedMeasurements).toBe(2)
  })
})

test('a value is reported once for each cause and instrument', () => {
  const { meter } = bufferedPipeline()
  for (const name of ['one', 'other']) {
    const counter = meter.createCounter(name)
    for (let each = 0; each < 3; each++) {
      counter.add(Number.NaN)
      counter.add(-1)
      counter.add(1, { a: null } as never)
      counter.add(1, null as never)
    }
  }
  expect(log).toHaveLength(8)
  expect(new Set(log).size).toBe(8)
})
