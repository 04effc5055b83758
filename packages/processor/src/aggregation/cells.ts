import type { DataPointType, ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics'

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
