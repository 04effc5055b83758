import { ValueType } from '@opentelemetry/api'
import { beforeEach, expect, test } from 'vitest'
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
