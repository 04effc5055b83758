import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import type { StreamAggregation } from '../aggregation/cells.ts'
import { shown } from '../core/describe.ts'

/**
 * Whether a source's value is one that cells of this aggregation can add, before any of it is added: a row of a histogram with
 * more buckets would reach into the next series.
 *
 * @throws TypeError that says what is wrong
 */
export function checkPointValue(aggregation: StreamAggregation, value: unknown): void {
  switch (aggregation.type) {
    case DataPointType.HISTOGRAM: {
      const { buckets, count, sum = 0 } = value as Histogram
      const { length } = buckets.counts
      // The data model allows a histogram that has a count and nothing else.
      if (length !== 0 && length !== aggregation.boundaries.length + 1) {
        throw new TypeError(`a histogram of ${aggregation.boundaries.length} boundaries has ${length} buckets`)
      }
      checkNumber(count)
      checkNumber(sum)
      break
    }
    case DataPointType.EXPONENTIAL_HISTOGRAM: {
      const { count, sum = 0, zeroCount, scale, positive, negative } = value as ExponentialHistogram
      for (const number of [count, sum, zeroCount, scale]) checkNumber(number)
      for (const { offset, bucketCounts } of [positive, negative]) {
        checkNumber(offset)
        checkNumber(bucketCounts.length)
      }
      break
    }
    default:
      checkNumber(value)
  }
}

function checkNumber(value: unknown): void {
  if (typeof value !== 'number') throw new TypeError(`${shown(value)} is no number`)
}
