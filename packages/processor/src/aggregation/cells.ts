import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import { ExponentialHistogramCells } from './exponential-histogram-cells.ts'
import { HistogramCells } from './histogram-cells.ts'
import { LastValueCells } from './last-value-cells.ts'
import { SumCells } from './sum-cells.ts'

/**
 * How the measurements of a stream become its cells. Part of a stream's identity, but for `recordMinMax` (default true) and
 * `maxSize` (buckets per sign, default 160), which only say how to record.
 */
export type StreamAggregation =
  | { readonly type: DataPointType.SUM; readonly isMonotonic: boolean }
  | { readonly type: DataPointType.GAUGE }
  | { readonly type: DataPointType.HISTOGRAM; readonly boundaries: readonly number[]; readonly recordMinMax?: boolean }
  | {
      readonly type: DataPointType.EXPONENTIAL_HISTOGRAM
      readonly maxSize?: number
      readonly recordMinMax?: boolean
    }

/** What a data point of any kind carries as `value`, in the shape OTel exporters read. */
export type PointValue = number | Histogram | ExponentialHistogram

/** Whatever has a row: the number under which all cells of a stream know a series. */
export interface Row {
  readonly row: number
}

/**
 * The cells of one stream's series in one place: a side of the double buffer, or a fold.
 *
 * A cell is the aggregated state of one series over one window of time. INVARIANT: a row is {@link reset} before anything
 * else is done with it, and both sides of a merge have the stream's one aggregation.
 */
export interface Cells {
  /** Makes the cell of this row an empty one. */
  reset(row: Row): void
  /** Adds a data point of the OTel data model. Copies what it keeps. */
  add(row: Row, value: PointValue): void
  /** Merges the cell that other cells have of a series; it covers the time after this one, and stays as it is. */
  merge(row: Row, from: Cells, of: Row): void
  /** A copy of the state. */
  valueOf(row: Row): PointValue
}

/**
 * No cells yet, for a stream of this aggregation.
 *
 * @param recordsSum whether histograms that are recorded here have a sum; what is added or merged brings its own
 */
export function createCells(aggregation: StreamAggregation, recordsSum = true): Cells {
  switch (aggregation.type) {
    case DataPointType.SUM:
      return new SumCells()
    case DataPointType.GAUGE:
      return new LastValueCells()
    case DataPointType.HISTOGRAM:
      return new HistogramCells(aggregation.boundaries, recordsSum, aggregation.recordMinMax)
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return new ExponentialHistogramCells(recordsSum, aggregation.recordMinMax, aggregation.maxSize)
  }
}
