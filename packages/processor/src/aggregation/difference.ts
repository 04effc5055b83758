import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import type { PointValue, StreamAggregation } from './cells.ts'
import { ExponentialHistogramCell } from './exponential-histogram.ts'

/**
 * What was added between two cumulative values of one series since the same start. Min and max of the time between are
 * not known and left out.
 *
 * @returns undefined when a count or a monotonic sum has fallen, which is a reset
 */
export function difference(
  aggregation: StreamAggregation,
  later: PointValue,
  earlier: PointValue,
): PointValue | undefined {
  switch (aggregation.type) {
    case DataPointType.GAUGE:
      return later
    case DataPointType.SUM: {
      const added = (later as number) - (earlier as number)
      return added < 0 && aggregation.isMonotonic ? undefined : added
    }
    case DataPointType.HISTOGRAM:
      return histogramDifference(later as Histogram, earlier as Histogram)
    case DataPointType.EXPONENTIAL_HISTOGRAM: {
      const cell = new ExponentialHistogramCell()
      cell.add(later as ExponentialHistogram)
      const before = new ExponentialHistogramCell()
      before.add(earlier as ExponentialHistogram)
      return cell.subtract(before) ? cell.toValue() : undefined
    }
  }
}

function histogramDifference(later: Histogram, earlier: Histogram): Histogram | undefined {
  const { boundaries, counts } = later.buckets
  const before = earlier.buckets.counts
  // One that has a count and no buckets leaves nothing but the count to be told.
  const added = counts.length === before.length ? counts.map((count, i) => count - before[i]!) : []
  const count = later.count - earlier.count
  if (count < 0 || added.some((each) => each < 0)) return undefined
  const sum = later.sum! - earlier.sum!
  // There is none where either is missing, or infinite.
  return { buckets: { boundaries, counts: added }, count, ...(Number.isFinite(sum) && { sum }) }
}
