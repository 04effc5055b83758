import { AggregationTemporality, AggregationType, type Histogram } from '@opentelemetry/sdk-metrics'
import type { BufferedMeter } from '@otel-sluice/processor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

/** Everyday ones and such that are easily got wrong, of either sign. */
const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.double({ min: -1e3, max: 1e3, noNaN: true }),
  fc.constantFrom(
    0,
    -0,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    2 ** -1022,
    Number.EPSILON,
    1 + Number.EPSILON,
    Number.MAX_SAFE_INTEGER,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
  ),
)
const infinite = fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
const value = fc.oneof({ weight: 9, arbitrary: number }, infinite)

/** Strictly increasing, of any number: few are searched in another way than many. */
const boundaries = fc
  .uniqueArray(number, { maxLength: 60, comparator: (a, b) => a === b })
  .map((numbers) => numbers.sort((a, b) => a - b))

interface Case {
  readonly make: (meter: BufferedMeter) => { record(value: number): void }
  readonly mayBeNegative: boolean
}
const KINDS: Record<string, Case> = {
  'a histogram': { make: (meter) => meter.createHistogram('values'), mayBeNegative: false },
  'a bound histogram': { make: (meter) => meter.createHistogram('values').bind({}), mayBeNegative: false },
  'a gauge': { make: (meter) => meter.createGauge('values'), mayBeNegative: true },
  'an UpDownCounter': {
    make: (meter) => {
      const upDown = meter.createUpDownCounter('values')
      return { record: (value) => upDown.add(value) }
    },
    mayBeNegative: true,
  },
  'a counter': {
    make: (meter) => {
      const counter = meter.createCounter('values')
      return { record: (value) => counter.add(value) }
    },
    mayBeNegative: false,
  },
}

const explicit = (options: { boundaries: number[]; recordMinMax?: boolean }) => ({
  views: [
    { instrumentName: 'values', aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM as const, options } },
  ],
})

/** What the specification says of these values, bucket by bucket. */
function expected(values: readonly number[], boundaries: readonly number[], hasSum: boolean): Histogram {
  const bounds = [...boundaries, Number.POSITIVE_INFINITY]
  return {
    buckets: {
      boundaries: [...boundaries],
      counts: bounds.map(
        (upper, i) => values.filter((each) => each <= upper && (i === 0 || each > bounds[i - 1]!)).length,
      ),
    },
    count: values.length,
    ...(hasSum && { sum: values.reduce((sum, each) => sum + each, 0) }),
    // Zero has no sign here.
    min: Math.min(...values) + 0,
    max: Math.max(...values) + 0,
  }
}

describe.each(Object.entries(KINDS))('%s as a histogram', (_kind, { make, mayBeNegative }) => {
  test('puts every value into the right bucket, and knows count, sum, min and max', async () => {
    await fc.assert(
      fc.asyncProperty(boundaries, fc.array(value, { maxLength: 40 }), async (boundaries, given) => {
        const values = mayBeNegative ? given : given.map(Math.abs)
        const { meter, points, turn } = bufferedPipeline(explicit({ boundaries }))
        const instrument = make(meter)
        // A turn before shows that cells are used again.
        instrument.record(1)
        await turn()
        await turn()
        for (const each of values) instrument.record(each)
        const exported = await points()
        if (values.length === 0) {
          expect(exported).toEqual([])
          return
        }
        const histogram = exported[0]![1] as Histogram
        expect({ ...histogram, min: histogram.min! + 0, max: histogram.max! + 0 }).toEqual(
          expected(values, boundaries, !mayBeNegative),
        )
        expect(histogram.buckets.counts.reduce((sum, count) => sum + count, 0)).toBe(histogram.count)
        expect(histogram.min!).toBeLessThanOrEqual(histogram.max!)
      }),
      { numRuns: 150 },
    )
  })

  test('is the same in one turn as over several, added up', async () => {
    await fc.assert(
      fc.asyncProperty(
        boundaries,
        fc.array(fc.array(fc.integer({ min: -100, max: 100 }), { maxLength: 8 }), { maxLength: 5 }),
        async (boundaries, turns) => {
          const { adapter, meter, turn } = bufferedPipeline(
            explicit({ boundaries }),
            {},
            AggregationTemporality.CUMULATIVE,
          )
          const instrument = make(meter)
          const all: number[] = []
          for (const given of turns) {
            const values = mayBeNegative ? given : given.map(Math.abs)
            for (const each of values) instrument.record(each)
            all.push(...values)
            await turn()
          }
          const shown = await adapter.cumulative('values')
          expect(shown.map(({ value }) => value)).toEqual(
            all.length === 0 ? [] : [expected(all, boundaries, !mayBeNegative)],
          )
        },
      ),
      { numRuns: 80 },
    )
  })

  test('keeps neither min nor max with recordMinMax: false', async () => {
    const { adapter, meter, points, reader } = bufferedPipeline(explicit({ boundaries: [1], recordMinMax: false }))
    const instrument = make(meter)
    instrument.record(5)
    const [[, histogram]] = (await points()) as [[unknown, Histogram]]
    expect(histogram).not.toHaveProperty('min')
    expect(histogram).not.toHaveProperty('max')
    expect(histogram).toMatchObject({ count: 1, buckets: { counts: [0, 1] } })
    expect(reader.stats().turns).toBe(1)
    expect(adapter.absorbed).toHaveLength(1)
  })
})

test('one bucket holds everything where there are no boundaries', async () => {
  const { meter, points } = bufferedPipeline(explicit({ boundaries: [] }))
  const histogram = meter.createHistogram('values')
  for (const each of [0, 1, 1e300, Number.POSITIVE_INFINITY]) histogram.record(each)
  expect((await points())[0]![1]).toMatchObject({ count: 4, buckets: { boundaries: [], counts: [4] } })
})

test.each([
  [[2, 1], /views\[0\]\.aggregation\.options\.boundaries must be strictly increasing numbers, got \[2,1\]/],
  [[1, 1], /strictly increasing numbers, got \[1,1\]/],
  [[0, -0], /strictly increasing/],
  [[Number.NaN], /strictly increasing numbers, got/],
  [['1' as never], /strictly increasing numbers, got \["1"\]/],
  ['1,2' as never, /must be an array of numbers, got "1,2"/],
])('a view with boundaries %j is rejected', (boundaries, message) => {
  expect(() => bufferedPipeline(explicit({ boundaries }))).toThrow(message)
})

test.each([[[2, 1]], [[1, 1]], [[Number.NaN]], ['1,2'], [{}]])(
  'advice with boundaries %j is told and ignored',
  async (explicitBucketBoundaries) => {
    const log = diagLog()
    const { meter, points } = bufferedPipeline()
    const advice = { explicitBucketBoundaries: explicitBucketBoundaries as never }
    meter.createHistogram('values', { advice }).record(3)
    meter.createHistogram('values', { advice }).record(3)
    expect((await points())[0]![1]).toMatchObject({
      count: 2,
      buckets: { boundaries: expect.arrayContaining([0, 10_000]) },
    })
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/^error sluice: the advice of values is ignored:.*advice\.explicitBucketBoundaries/)
  },
)

test('advice is taken where no view says otherwise, and is not changed by the caller later', async () => {
  const { meter, points } = bufferedPipeline()
  const explicitBucketBoundaries = [1, 2]
  const histogram = meter.createHistogram('values', { advice: { explicitBucketBoundaries } })
  explicitBucketBoundaries.push(3)
  histogram.record(2.5)
  expect((await points())[0]![1]).toMatchObject({ buckets: { boundaries: [1, 2], counts: [0, 0, 1] } })
})
