import type { Cells, PointValue, StreamAggregation } from '../../src/aggregation/cells.ts'
import { createCells } from '../../src/aggregation/create-cells.ts'
import { ExponentialHistogramCells } from '../../src/aggregation/exponential-histogram-cells.ts'
import { HistogramCells } from '../../src/aggregation/histogram-cells.ts'

/** Cells of which one is used, under a row that is not the first. */
export class OneCell {
  readonly cells: Cells
  readonly row: number
  readonly #aggregation: StreamAggregation

  constructor(aggregation: StreamAggregation, row = 3) {
    this.#aggregation = aggregation
    this.row = row
    this.cells = createCells(aggregation)
    this.cells.reset(this)
  }

  record(value: number): void {
    if (this.cells instanceof HistogramCells || this.cells instanceof ExponentialHistogramCells) {
      this.cells.record(this, value)
    } else {
      this.cells.add(this, value)
    }
  }

  merge(later: OneCell): void {
    this.cells.merge(this, later.cells, later)
  }

  clone(): OneCell {
    const copy = new OneCell(this.#aggregation, this.row + 1)
    copy.merge(this)
    return copy
  }

  toValue(): PointValue {
    return this.cells.valueOf(this)
  }
}
