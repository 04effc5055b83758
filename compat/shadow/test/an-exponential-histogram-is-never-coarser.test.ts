import { AggregationType, type ExponentialHistogram, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { coarsened } from '../src/exponential.ts'
import type { ExportedPoint } from '../src/exported.ts'
import { sideBySide } from '../src/side-by-side.ts'

function exponentialView(maxSize?: number): ViewOptions {
  const type = AggregationType.EXPONENTIAL_HISTOGRAM
  return {
    instrumentName: '*',
    aggregation: maxSize === undefined ? { type } : { type, options: { maxSize, recordMinMax: true } },
  }
}

function histogram(points: readonly ExportedPoint[]): ExponentialHistogram {
  expect(points).toHaveLength(1)
  return points[0]!.value as ExponentialHistogram
}

/** Both readers' cumulative histogram of values that were recorded in two intervals. */
async function merged(before: readonly number[], after: readonly number[], maxSize?: number) {
  const { meter, flush, end } = sideBySide('cumulative', [exponentialView(maxSize)])
  // An UpDownCounter takes values of both signs; the view makes it a histogram.
  const instrument = meter.createUpDownCounter('sizes')
  for (const value of before) instrument.add(value)
  await flush()
  for (const value of after) instrument.add(value)
  const { ours, stock } = await flush()
  await end()
  return { ours: histogram(ours), stock: histogram(stock) }
}

function expectSameBuckets(finer: ExponentialHistogram, coarser: ExponentialHistogram): void {
  for (const sign of ['positive', 'negative'] as const) {
    expect(coarsened(finer[sign], finer.scale - coarser.scale)).toBe(coarsened(coarser[sign], 0))
  }
}

test('values of one sign and then of the other keep their scale, where the SDK takes an empty side to reach to index 0', async () => {
  const { ours, stock } = await merged([1_000], [-1_000])
  expect(ours.scale).toBe(20)
  expect([ours.positive.bucketCounts, ours.negative.bucketCounts]).toEqual([[1], [1]])
  expect(stock.scale).toBeLessThan(ours.scale)
  expectSameBuckets(ours, stock)
})

test('zeros do not cost the scale, where the SDK takes the scale 0 of a histogram of zeros for a real one', async () => {
  const { ours, stock } = await merged([0], [1.5, 1.6])
  expect(ours.scale).toBeGreaterThan(0)
  expect(stock.scale).toBe(0)
  expect([ours.zeroCount, ours.count]).toEqual([1, 3])
  expectSameBuckets(ours, stock)
})

test('a smaller maximum size, which the data does not tell, is not kept when generations merge', async () => {
  const { ours, stock } = await merged([1, 2, 3, 4], [5, 6, 7, 8], 4)
  expect(stock.positive.bucketCounts.length).toBeLessThanOrEqual(4)
  expect(ours.scale).toBeGreaterThanOrEqual(stock.scale)
  expectSameBuckets(ours, stock)
})

test('a maximum size above 160 is kept as far as one collection has needed it; the one case in which ours is coarser', async () => {
  const between = (low: number, high: number) => Array.from({ length: 150 }, (_, i) => low + ((high - low) * i) / 150)
  const { ours, stock } = await merged(between(1, 2), between(2, 4), 500)
  expect(ours.positive.bucketCounts.length).toBeGreaterThan(80)
  expect(ours.scale).toBeLessThan(stock.scale)
  expectSameBuckets(stock, ours)
})

test('an empty histogram has no min and no max, where the SDK says Infinity and -Infinity', async () => {
  const { meter, flush, end } = sideBySide('delta', [exponentialView()])
  meter.createHistogram('sizes').record(Number.NaN)
  const { ours, stock } = await flush()
  expect(histogram(ours)).toMatchObject({ count: 0, scale: 0, zeroCount: 0 })
  expect([histogram(ours).min, histogram(ours).max]).toEqual([undefined, undefined])
  expect([histogram(stock).min, histogram(stock).max]).toEqual([Infinity, -Infinity])
  await end()
})
