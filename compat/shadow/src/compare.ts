import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import { coarsened } from './exponential.ts'
import type { ExportedPoint } from './exported.ts'

/**
 * How two exports of the same measurements differ, as text; empty when they do not.
 *
 * Everything is exact but sums of floating-point values, which may be added in another order.
 *
 * @param magnitude the sum of the absolute values recorded so far: what a rounding error of a sum is relative to
 */
export function differences(
  ours: readonly ExportedPoint[],
  stock: readonly ExportedPoint[],
  magnitude: number,
): string[] {
  const found: string[] = []
  const mine = byKey(ours, 'ours', found)
  const theirs = byKey(stock, 'the SDK', found)
  for (const [key, point] of mine) {
    const other = theirs.get(key)
    if (other === undefined) {
      found.push(`only ours has ${key} = ${JSON.stringify(point.value)}`)
      continue
    }
    if (point.frame !== other.frame) found.push(`${key}: ours is ${point.frame}, the SDK's ${other.frame}`)
    for (const difference of valueDifferences(point, other, magnitude)) found.push(`${key}: ${difference}`)
  }
  for (const [key, point] of theirs) {
    if (!mine.has(key)) found.push(`only the SDK has ${key} = ${JSON.stringify(point.value)}`)
  }
  return found
}

/**
 * Exponential histograms that ours has at another scale. For exports between which the SDK has merged none: a merge of the
 * SDK's may lose more resolution than it has to.
 */
export function scaleDifferences(ours: readonly ExportedPoint[], stock: readonly ExportedPoint[]): string[] {
  const theirs = byKey(stock, 'the SDK', [])
  return ours.flatMap(({ key, type, value }) => {
    const other = theirs.get(key)
    if (type !== DataPointType.EXPONENTIAL_HISTOGRAM || other === undefined) return []
    const [a, b] = [value as ExponentialHistogram, other.value as ExponentialHistogram]
    const isWithoutBuckets = b.count === b.zeroCount
    return isWithoutBuckets ? [] : exact('scale', a.scale, b.scale).map((difference) => `${key}: ${difference}`)
  })
}

function byKey(points: readonly ExportedPoint[], whose: string, found: string[]): Map<string, ExportedPoint> {
  const map = new Map<string, ExportedPoint>()
  for (const point of points) {
    if (map.has(point.key)) found.push(`${whose} exports ${point.key} twice`)
    map.set(point.key, point)
  }
  return map
}

function valueDifferences(ours: ExportedPoint, stock: ExportedPoint, magnitude: number): string[] {
  switch (ours.type) {
    case DataPointType.SUM:
      return sums('value', ours.value as number, stock.value as number, magnitude)
    case DataPointType.GAUGE:
      return exact('value', ours.value, stock.value)
    case DataPointType.HISTOGRAM: {
      const [a, b] = [ours.value as Histogram, stock.value as Histogram]
      return [
        ...exact('count', a.count, b.count),
        ...exact('counts', a.buckets.counts.join(), b.buckets.counts.join()),
        ...exact('min', a.min, b.min),
        ...exact('max', a.max, b.max),
        ...sums('sum', a.sum, b.sum, magnitude),
      ]
    }
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return exponentials(ours.value as ExponentialHistogram, stock.value as ExponentialHistogram, magnitude)
  }
}

function exponentials(a: ExponentialHistogram, b: ExponentialHistogram, magnitude: number): string[] {
  const isWithoutBuckets = b.count === b.zeroCount
  return [
    ...exact('count', a.count, b.count),
    ...exact('zeroCount', a.zeroCount, b.zeroCount),
    // DIFFERENCE: of nothing the SDK says min = Infinity and max = -Infinity, ours says neither.
    ...exact('min', a.min, b.count === 0 ? undefined : b.min),
    ...exact('max', a.max, b.count === 0 ? undefined : b.max),
    ...sums('sum', a.sum, b.sum, magnitude),
    // DIFFERENCE: the SDK downscales more than it has to when it merges.
    ...(isWithoutBuckets || a.scale >= b.scale ? [] : [`ours is coarser: scale ${a.scale}, the SDK's ${b.scale}`]),
    ...exact('positive', coarsened(a.positive, a.scale - b.scale), coarsened(b.positive, 0)),
    ...exact('negative', coarsened(a.negative, a.scale - b.scale), coarsened(b.negative, 0)),
  ]
}

function exact(what: string, a: unknown, b: unknown): string[] {
  // 0 and -0 are one number to every exporter.
  return a === b || Object.is(a, b) ? [] : [`${what} is ${a}, the SDK's ${b}`]
}

function sums(what: string, a: number | undefined, b: number | undefined, magnitude: number): string[] {
  if (a === undefined || b === undefined || (Number.isSafeInteger(a) && Number.isSafeInteger(b)))
    return exact(what, a, b)
  return Math.abs(a - b) <= 4 * Number.EPSILON * magnitude ? [] : exact(what, a, b)
}
