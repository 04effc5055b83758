import {
  AggregationTemporality,
  AggregationType,
  type ExponentialHistogram,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type NativeBuckets, nativeHistogramOf } from '../src/prometheus/native-histogram.ts'
import { bucketCountsOf } from './support/prometheus-protobuf.ts'

/** How far a bound that is computed with `2 **` may be from the true one. */
const ROUNDING = 1e-12

const EMPTY = { offset: 0, bucketCounts: [] }
const value = (parts: Partial<ExponentialHistogram>): ExponentialHistogram => ({
  count: (parts.zeroCount ?? 0) + total(parts.positive ?? EMPTY) + total(parts.negative ?? EMPTY),
  sum: 0,
  scale: 0,
  zeroCount: 0,
  positive: EMPTY,
  negative: EMPTY,
  ...parts,
})

const countsOf = ({ spans, deltas }: NativeBuckets) => bucketCountsOf(spans, deltas)

const anyBuckets = fc.record({
  offset: fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -(2 ** 30), max: 2 ** 30 })),
  bucketCounts: fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(9), fc.nat(2 ** 40)), {
    maxLength: 60,
  }),
})

const anyPoint = fc
  .record({
    scale: fc.integer({ min: -4, max: 20 }),
    sum: fc.double({ noNaN: true }),
    zeroCount: fc.nat(),
    positive: anyBuckets,
    negative: anyBuckets,
  })
  .map((point) => ({ ...point, count: point.zeroCount + total(point.positive) + total(point.negative) }))

function total({ bucketCounts }: { bucketCounts: number[] }): number {
  return bucketCounts.reduce((sum, count) => sum + count, 0)
}

/**
 * The native buckets that values in the middle of the buckets of a point fall into, found by their logarithms, which are
 * exact: an index and a half over a power of two.
 */
function bucketsOfMiddles(buckets: ExponentialHistogram['positive'], scale: number, schema: number) {
  const counts = new Map<number, number>()
  buckets.bucketCounts.forEach((count, i) => {
    const log2 = (buckets.offset + i + 0.5) / 2 ** scale
    const index = Math.ceil(log2 * 2 ** schema)
    if (count > 0) counts.set(index, (counts.get(index) ?? 0) + count)
  })
  return counts
}

/** What the SDK makes of values. */
async function recorded(values: readonly number[], maxSize: number): Promise<ExponentialHistogram> {
  const reader = new (class extends MetricReader {
    protected async onForceFlush(): Promise<void> {}
    protected async onShutdown(): Promise<void> {}
  })({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE })
  const provider = new MeterProvider({
    readers: [reader],
    views: [
      { instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize } } },
    ],
  })
  const histogram = provider.getMeter('test').createHistogram('values')
  for (const each of values) histogram.record(each)
  const { resourceMetrics } = await reader.collect()
  await provider.shutdown()
  return resourceMetrics.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.value as ExponentialHistogram
}

describe('a point', () => {
  test('keeps its count, its sum and its zeroes', () => {
    fc.assert(
      fc.property(anyPoint, (point) => {
        const native = nativeHistogramOf(point)!
        expect(native).toMatchObject({ count: point.count, sum: point.sum, zeroCount: point.zeroCount })
        const inBuckets = [...countsOf(native.positive).values(), ...countsOf(native.negative).values()]
        expect(native.zeroCount + inBuckets.reduce((a, b) => a + b, 0)).toBe(point.count)
      }),
    )
  })

  test('has its values in the buckets that Prometheus would put them in, at every scale', () => {
    fc.assert(
      fc.property(anyPoint, (point) => {
        const native = nativeHistogramOf(point)!
        expect(native.schema).toBe(Math.min(point.scale, 8))
        for (const sign of ['positive', 'negative'] as const) {
          expect(countsOf(native[sign])).toEqual(bucketsOfMiddles(point[sign], point.scale, native.schema))
        }
      }),
    )
  })

  test('that the SDK recorded has each value between the bounds of its native bucket', async () => {
    const anyMagnitude = fc.oneof(
      fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      fc.double({ min: 1e-120, max: 1e120, noNaN: true }),
      fc.integer({ min: -20, max: 20 }).map((exponent) => 2 ** exponent),
    )
    const scales = new Set<number>()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(fc.double({ min: 100, max: 101, noNaN: true }), { minLength: 1, maxLength: 20 }),
          fc.array(anyMagnitude, { minLength: 1, maxLength: 40 }),
        ),
        fc.integer({ min: 80, max: 160 }),
        async (values, maxSize) => {
          const point = await recorded(values, maxSize)
          scales.add(point.scale)
          const native = nativeHistogramOf(point)!
          let upTo = 0
          for (const [index, count] of countsOf(native.positive)) {
            const [low, high] = [2 ** ((index - 1) * 2 ** -native.schema), 2 ** (index * 2 ** -native.schema)]
            expect(upTo).toBeGreaterThanOrEqual(values.filter((each) => each <= low * (1 - ROUNDING)).length)
            upTo += count
            expect(upTo).toBeGreaterThanOrEqual(values.filter((each) => each <= high * (1 - ROUNDING)).length)
            expect(upTo).toBeLessThanOrEqual(values.filter((each) => each <= high * (1 + ROUNDING)).length)
          }
          expect(upTo).toBe(values.length)
        },
      ),
      {
        examples: [
          [[100, 100.001], 160],
          [[1e-100, 1e100], 80],
        ],
      },
    )
    // Finer and coarser ones than Prometheus has, and some between.
    expect(Math.max(...scales)).toBeGreaterThan(8)
    expect(Math.min(...scales)).toBeLessThan(0)
  })

  test.each([-4, 0, 3, 8, 20])('of scale %i has a power of two in the bucket that ends with it', (scale) => {
    // The bucket of OpenTelemetry for values in (…, 2^16].
    const positive = { offset: 16 * 2 ** scale - 1, bucketCounts: [1] }
    const { positive: native, schema } = nativeHistogramOf(value({ count: 1, scale, positive }))!
    expect([...countsOf(native)]).toEqual([[16 * 2 ** schema, 1]])
  })

  test('has the zero threshold of the specification', () => {
    expect(nativeHistogramOf(value({}))!.zeroThreshold).toBe(1e-128)
  })

  test('without values has no buckets', () => {
    expect(nativeHistogramOf(value({}))).toMatchObject({
      schema: 0,
      positive: { spans: [], deltas: [] },
      negative: { spans: [], deltas: [] },
    })
  })

  test.each([-5, -10])('of scale %i is none that Prometheus can have', (scale) => {
    expect(nativeHistogramOf(value({ scale }))).toBeUndefined()
  })

  test('without a sum is none that Prometheus can have', () => {
    const { sum: _, ...without } = value({ count: 1, zeroCount: 1 })
    expect(nativeHistogramOf(without)).toBeUndefined()
  })

  // Of observed values that fall the SDK gives what it takes from one time to the next.
  test.each<[string, Partial<ExponentialHistogram>]>([
    ['whose buckets do not add up to its count', { count: 2, zeroCount: 1 }],
    ['with a count below 0', { count: -1, zeroCount: -1 }],
    ['with fewer than no zeroes', { zeroCount: -1, positive: { offset: 0, bucketCounts: [2] } }],
    ['with a bucket below 0', { positive: { offset: 0, bucketCounts: [2, -1] } }],
  ])('%s is none that Prometheus reads', (_, parts) => {
    expect(nativeHistogramOf(value(parts))).toBeUndefined()
  })

  test('whose sum is not a number may have values that are in no bucket', () => {
    expect(nativeHistogramOf(value({ count: 2, zeroCount: 1, sum: Number.NaN }))).toMatchObject({ count: 2 })
    expect(nativeHistogramOf(value({ count: 1, zeroCount: 2, sum: Number.NaN }))).toBeUndefined()
  })
})

describe('buckets', () => {
  test('of the example of the specification are those that it says, with its two empty ones in between', () => {
    const positive = { offset: 3, bucketCounts: [10, 0, 0, 20, 5, 2] }
    expect(nativeHistogramOf(value({ positive }))!.positive).toEqual({
      spans: [{ offset: 4, length: 6 }],
      deltas: [10, -10, 0, 20, -15, -3],
    })
  })

  test('with three empty ones in between are in two spans', () => {
    const positive = { offset: -3, bucketCounts: [0, 1, 0, 0, 0, 7, 7, 0] }
    expect(nativeHistogramOf(value({ positive }))!.positive).toEqual({
      spans: [
        { offset: -1, length: 1 },
        { offset: 3, length: 2 },
      ],
      deltas: [1, 6, 0],
    })
  })

  test('are in spans that neither begin nor end with an empty one, and have no more than two empty ones in a row', () => {
    fc.assert(
      fc.property(anyPoint, (point) => {
        const { spans, deltas } = nativeHistogramOf(point)!.positive
        let [read, count] = [0, 0]
        spans.forEach(({ offset, length }, i) => {
          if (i > 0) expect(offset).toBeGreaterThan(2)
          const counts = deltas.slice(read, read + length).map((delta) => {
            count += delta
            return count
          })
          read += length
          expect(counts.at(0)).toBeGreaterThan(0)
          expect(counts.at(-1)).toBeGreaterThan(0)
          expect(counts.map((each) => (each === 0 ? '0' : '1')).join('')).not.toContain('000')
        })
      }),
    )
  })
})
