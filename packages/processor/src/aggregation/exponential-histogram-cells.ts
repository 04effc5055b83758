import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import type { Cells, PointValue, Row } from './cells.ts'
import { ExponentialHistogramCell } from './exponential-histogram.ts'

/** Exponential histograms by row: they are objects, as their buckets have no fixed number. */
export class ExponentialHistogramCells implements Cells {
  readonly #cells: (ExponentialHistogramCell | undefined)[] = []
  readonly #recordsSum: boolean
  readonly #recordsMinMax: boolean
  readonly #maxSize: number | undefined
  /** Told of values that are not recorded. */
  onDropped: (value: number) => void = () => {}

  /**
   * @param recordsSum false for instruments that allow negative values: their sum says nothing
   * @param maxSize most buckets of a sign; default 160
   */
  constructor(recordsSum: boolean, recordsMinMax = true, maxSize?: number) {
    this.#recordsSum = recordsSum
    this.#recordsMinMax = recordsMinMax
    this.#maxSize = maxSize
  }

  reset({ row }: Row): void {
    // Filled, not skipped: an array with holes is slow for ever.
    while (this.#cells.length <= row) this.#cells.push(undefined)
    let cell = this.#cells[row]
    if (cell === undefined) {
      cell = new ExponentialHistogramCell(this.#maxSize, this.#recordsMinMax)
      this.#cells[row] = cell
    } else {
      cell.reset()
    }
    cell.hasSum = this.#recordsSum
  }

  /**
   * Records a measurement, unless it is infinite or NaN (OTel spec, metrics SDK, "Base2 Exponential Bucket Histogram
   * Aggregation": such values do not map into a bucket).
   */
  record({ row }: Row, value: number): void {
    if (Number.isFinite(value)) this.#cells[row]!.record(value)
    else this.onDropped(value)
  }

  add({ row }: Row, value: PointValue): void {
    this.#cells[row]!.add(value as ExponentialHistogram)
  }

  merge({ row }: Row, from: ExponentialHistogramCells, of: Row): void {
    this.#cells[row]!.merge(from.#cells[of.row]!)
  }

  valueOf({ row }: Row): ExponentialHistogram {
    return this.#cells[row]!.toValue()
  }
}
