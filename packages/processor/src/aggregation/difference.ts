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
  const added = counts.map((count, i) => count - earlier.buckets.counts[i]!)
  const count = later.count - earlier.count
  if (count < 0 || added.some((each) => each < 0)) return undefined
  const hasSum = later.sum !== undefined && earlier.sum !== undefined
  return { buckets: { boundaries, counts: added }, count, ...(hasSum && { sum: later.sum! - earlier.sum! }) }
}
