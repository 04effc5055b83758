import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Cells, StreamAggregation } from './cells.ts'
import { ExponentialHistogramCells } from './exponential-histogram-cells.ts'
import { HistogramCells } from './histogram-cells.ts'
import { NumberCells } from './number-cells.ts'

/**
 * No cells yet, for a stream of this aggregation.
 *
 * @param recordsSum whether histograms that are recorded here have a sum; what is added or merged brings its own
 */
export function createCells(aggregation: StreamAggregation, recordsSum = true): Cells {
  switch (aggregation.type) {
    case DataPointType.SUM:
      return new NumberCells(true)
    case DataPointType.GAUGE:
      return new NumberCells(false)
    case DataPointType.HISTOGRAM:
      return new HistogramCells(aggregation.boundaries, recordsSum, aggregation.recordMinMax)
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return new ExponentialHistogramCells(recordsSum, aggregation.recordMinMax, aggregation.maxSize)
  }
}
