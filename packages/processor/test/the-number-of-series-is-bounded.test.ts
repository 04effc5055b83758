import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type BufferingMetricReaderOptions } from '@otel-sluice/processor'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const OVERFLOW = { 'otel.metric.overflow': true }

function pipeline(
  temporality: AggregationTemporality,
  options: Partial<BufferingMetricReaderOptions> = {},
  views = {},
) {
  const adapter = new CollectingAdapter()
  adapter.temporality = () => temporality
  const reader = new BufferingMetricReader({ adapters: [adapter], cardinalityLimits: { default: 10 }, ...options })
  const meter = new MeterProvider({ readers: [reader], ...views }).getMeter('test')
  return { adapter, reader, meter, counter: meter.createCounter('counter') }
}

const sum = (points: { value: unknown }[]) => points.reduce((total, point) => total + (point.value as number), 0)

describe('in one generation', () => {
  test('as many attribute sets as the limit do not overflow', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.DELTA)
    for (let n = 0; n < 10; n++) counter.add(1, { n })
    await reader.flush()
    expect(adapter.absorbed.map((point) => point.attributes.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('what is beyond is added up in the overflow series, and sets seen before keep theirs', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.DELTA)
    for (let n = 0; n < 15; n++) counter.add(1, { n })
    counter.add(100, { n: 3 })
    await reader.flush()
    expect(adapter.absorbed).toHaveLength(11)
    expect(adapter.absorbed.find((point) => point.attributes.n === 3)!.value).toBe(101)
    expect(adapter.absorbed.find((point) => 'otel.metric.overflow' in point.attributes)).toMatchObject({
      attributes: OVERFLOW,
      value: 5,
    })
  })

  test('it holds for several collections of one generation together', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.DELTA)
    for (let n = 0; n < 30; n++) {
      counter.add(1, { n })
      if (n % 5 === 4) await reader.collect()
    }
    await reader.flush()
    expect(adapter.absorbed).toHaveLength(11)
    expect(sum(adapter.absorbed)).toBe(30)
    expect(adapter.absorbed.at(-1)).toMatchObject({ attributes: OVERFLOW, value: 20 })
  })

  test('a logger that throws at the warning costs nothing', async () => {
    const { adapter, reader, counter, meter } = pipeline(AggregationTemporality.DELTA)
    diagLog(() => {
      throw new Error('the log is full')
    })
    for (let n = 0; n < 15; n++) counter.add(1, { n })
    meter.createCounter('other').add(1)
    await reader.flush()
    expect(sum(adapter.absorbed)).toBe(16)
  })

  test('a warning names the metric and what to do, once', async () => {
    const { reader, counter } = pipeline(AggregationTemporality.DELTA)
    for (let turn = 0; turn < 3; turn++) {
      for (let n = 0; n < 15; n++) counter.add(1, { n })
      await reader.flush()
    }
    expect(log).toEqual([
      expect.stringMatching(/^warn sluice: counter has more than 10 attribute sets .* raise cardinalityLimits$/),
    ])
  })
})

describe('over time', () => {
  test('delta alone never overflows, and attributes that are gone are forgotten', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.DELTA)
    for (let turn = 0; turn < 500; turn++) {
      for (let n = 0; n < 9; n++) counter.add(1, { turn, n })
      await reader.flush()
      // Those of this generation, and of the one before until it was seen that they are idle.
      expect(reader.stats().series).toBeLessThanOrEqual(18)
    }
    expect(sum(adapter.absorbed)).toBe(4500)
    expect(adapter.absorbed.some((point) => 'otel.metric.overflow' in point.attributes)).toBe(false)
  })

  test('cumulative keeps its first series and adds the rest up, and nothing is uncounted', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.CUMULATIVE)
    for (let turn = 0; turn < 500; turn++) {
      for (let n = 0; n < 9; n++) counter.add(1, { turn, n })
      counter.add(1, { turn: 0, n: 0 })
      await reader.flush()
    }
    const shown = await adapter.cumulative('counter')
    expect(shown).toHaveLength(11)
    expect(shown[0]).toMatchObject({ attributes: { turn: 0, n: 0 }, value: 501 })
    expect(shown.find((point) => JSON.stringify(point.attributes) === JSON.stringify(OVERFLOW))!.value).toBe(5000 - 510)
    expect(sum(shown)).toBe(5000)
    expect(reader.stats().series).toBeLessThanOrEqual(10 + 18)
  })

  test('a set that comes back after it was forgotten is one series, not two', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.subarray([0, 1, 2, 3]), { maxLength: 12 }), async (turns) => {
        const { adapter, reader, counter } = pipeline(AggregationTemporality.DELTA)
        for (const recorded of turns) {
          for (const n of recorded) counter.add(1, { n })
          const before = adapter.absorbed.length
          await reader.flush()
          expect(adapter.absorbed.slice(before).map((point) => point.attributes.n)).toEqual(recorded)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('the overflow points of the SDK join ours', async () => {
    const views = { views: [{ instrumentName: 'counter', aggregationCardinalityLimit: 4 }] }
    const { adapter, reader, counter } = pipeline(AggregationTemporality.DELTA, {}, views)
    for (let n = 0; n < 8; n++) counter.add(1, { n })
    await reader.flush()
    expect(adapter.absorbed.map((point) => point.value)).toEqual([1, 1, 1, 5])
    expect(adapter.absorbed.at(-1)!.attributes).toEqual(OVERFLOW)
  })

  test('a view with a higher limit of its own is respected, though the data do not show it', async () => {
    const views = { views: [{ instrumentName: 'counter', aggregationCardinalityLimit: 50 }] }
    const { adapter, reader, counter } = pipeline(AggregationTemporality.CUMULATIVE, {}, views)
    for (let n = 0; n < 40; n++) counter.add(1, { n })
    await reader.flush()
    expect(await adapter.cumulative('counter')).toHaveLength(40)
    expect(log).toEqual([])
  })

  test.each([
    ['counter', 'createCounter', 'add'],
    ['upDownCounter', 'createUpDownCounter', 'add'],
    ['gauge', 'createGauge', 'record'],
    ['histogram', 'createHistogram', 'record'],
  ] as const)('%s has a limit of its own', async (kind, create, record) => {
    const { adapter, reader, meter } = pipeline(AggregationTemporality.DELTA, {
      cardinalityLimits: { [kind]: 3, default: 50 },
    })
    const instrument = meter[create]('limited') as unknown as Record<
      string,
      (value: number, attributes: object) => void
    >
    for (let n = 0; n < 6; n++) instrument[record]!(1, { n })
    await reader.flush()
    expect(adapter.absorbed).toHaveLength(4)
  })
})

describe('staleAfterMillis', () => {
  test('drops what was not recorded for so long from cumulative points; it starts anew when it comes back', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.CUMULATIVE, { staleAfterMillis: 0.001 })
    counter.add(5, { n: 1 })
    await reader.flush()
    const [first] = await adapter.cumulative('counter')
    counter.add(1, { n: 2 })
    await reader.flush()
    await reader.flush()
    expect(await adapter.cumulative('counter')).toEqual([])
    counter.add(7, { n: 1 })
    await reader.flush()
    const [again] = await adapter.cumulative('counter')
    expect(again).toMatchObject({ attributes: { n: 1 }, value: 7 })
    expect(again!.start).toBeGreaterThan(first!.start)
  })

  test('makes room under the limit', async () => {
    const { adapter, reader, counter } = pipeline(AggregationTemporality.CUMULATIVE, { staleAfterMillis: 0.001 })
    for (let turn = 0; turn < 20; turn++) {
      for (let n = 0; n < 9; n++) counter.add(1, { turn, n })
      await reader.flush()
      await reader.flush()
    }
    expect(log).toEqual([])
    expect(await adapter.cumulative('counter')).toEqual([])
  })

  test('never drops an UpDownCounter that is not zero', async () => {
    const { adapter, reader, meter } = pipeline(AggregationTemporality.CUMULATIVE, { staleAfterMillis: 0.001 })
    const upDown = meter.createUpDownCounter('upDown')
    upDown.add(2, { queue: 'busy' })
    upDown.add(2, { queue: 'empty' })
    upDown.add(-2, { queue: 'empty' })
    await reader.flush()
    await reader.flush()
    await reader.flush()
    expect(await adapter.cumulative('upDown')).toMatchObject([{ attributes: { queue: 'busy' }, value: 2 }])
  })
})

test.each([
  [{ default: 0 }, /cardinalityLimits.default must be a whole number of at least 1, got 0/],
  [{ counter: 1.5 }, /cardinalityLimits.counter .*got 1.5/],
])('the constructor rejects limits like %j', (cardinalityLimits, message) => {
  expect(() => pipeline(AggregationTemporality.DELTA, { cardinalityLimits })).toThrow(message)
})
