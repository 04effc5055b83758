import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import { ExplicitHistogramCell } from './explicit-histogram.ts'
import { ExponentialHistogramCell } from './exponential-histogram.ts'
import { LastValueCell } from './last-value.ts'
import { SumCell } from './sum.ts'

/**
 * The aggregated state of one series over one window of time.
 *
 * All four kinds answer to the same verbs: `record` one measurement, `add` a data point of the OTel data model, `merge` a
 * cell of the same stream that covers the time after this one, `clone`, `reset` for reuse, and `toValue`, which copies
 * the state out in the shape OTel exporters read (`DataPoint.value`). `intoValue` does not copy: it is for a cell that
 * nobody will write to again.
 */
export type Cell = SumCell | LastValueCell | ExplicitHistogramCell | ExponentialHistogramCell

/** How the measurements of a stream become a cell. Part of a stream's identity. */
export type StreamAggregation =
  | { readonly type: DataPointType.SUM; readonly isMonotonic: boolean }
  | { readonly type: DataPointType.GAUGE }
  | { readonly type: DataPointType.HISTOGRAM; readonly boundaries: readonly number[] }
  | { readonly type: DataPointType.EXPONENTIAL_HISTOGRAM }

/** An empty cell for a stream of this aggregation. */
export function createCell(aggregation: StreamAggregation): Cell {
  switch (aggregation.type) {
    case DataPointType.SUM:
      return new SumCell()
    case DataPointType.GAUGE:
      return new LastValueCell()
    case DataPointType.HISTOGRAM:
      return new ExplicitHistogramCell(aggregation.boundaries)
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return new ExponentialHistogramCell()
  }
}

/** What an SDK's data point of any kind carries as `value`. */
export type PointValue = number | Histogram | ExponentialHistogram

/** Adds a data point to a cell of its stream. INVARIANT: a stream has one aggregation, so both are of one kind. */
export function addPoint(cell: Cell, value: PointValue): void {
  ;(cell as { add(value: PointValue): void }).add(value)
}

/** Merges a later cell of the same stream into `cell`, leaving `later` as it was. */
export function mergeCell(cell: Cell, later: Cell): void {
  ;(cell as { merge(later: Cell): void }).merge(later)
}

/**
 * Takes an earlier state of the same sum or histogram from a later one, both cumulative since the same start.
 *
 * @returns false when it has fallen; a histogram is then of no use any more
 */
export function subtractCell(cell: Cell, earlier: Cell): boolean {
  return (cell as { subtract(earlier: Cell): boolean }).subtract(earlier)
}
