import { CHUNK_MASK, CHUNK_SHIFT, Rows } from '../core/rows.ts'
import type { Cells, PointValue, Row } from './cells.ts'

/**
 * Cells that are one number: sums of what was recorded, or latest values (OTel spec, metrics SDK, "Sum Aggregation", "Last
 * Value Aggregation"). Latest values keep no time of their own: cells are merged in the order of their generations.
 */
export class NumberCells implements Cells {
  readonly #adds: boolean
  readonly #rows = new Rows(1)

  /** @param adds whether a later value is added, or takes the place of the one before */
  constructor(adds: boolean) {
    this.#adds = adds
  }

  reset({ row }: Row): void {
    this.#rows.reserve(row)
    this.#rows.chunks[row >>> CHUNK_SHIFT]![row & CHUNK_MASK] = 0
  }

  add({ row }: Row, value: PointValue): void {
    const chunk = this.#rows.chunks[row >>> CHUNK_SHIFT]!
    if (this.#adds) chunk[row & CHUNK_MASK]! += value as number
    else chunk[row & CHUNK_MASK] = value as number
  }

  merge(row: Row, from: Cells, of: Row): void {
    this.add(row, from.valueOf(of))
  }

  valueOf({ row }: Row): number {
    return this.numberIn(row)
  }

  /** The same by the number of the row. */
  numberIn(row: number): number {
    return this.#rows.chunks[row >>> CHUNK_SHIFT]![row & CHUNK_MASK]!
  }
}
