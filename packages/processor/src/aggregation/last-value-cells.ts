import { CHUNK_MASK, CHUNK_SHIFT, Rows } from '../core/rows.ts'
import type { Cells, PointValue, Row } from './cells.ts'

/**
 * Latest values (OTel spec, metrics SDK, "Last Value Aggregation").
 *
 * They keep no time of their own: cells are merged in the order of their generations, so what is merged last is the latest.
 */
export class LastValueCells implements Cells {
  readonly #rows = new Rows(1)

  reset({ row }: Row): void {
    this.#rows.reserve(row)
    this.#rows.chunks[row >>> CHUNK_SHIFT]![row & CHUNK_MASK] = 0
  }

  add({ row }: Row, value: PointValue): void {
    this.#rows.chunks[row >>> CHUNK_SHIFT]![row & CHUNK_MASK] = value as number
  }

  merge(row: Row, from: Cells, of: Row): void {
    this.add(row, from.valueOf(of))
  }

  valueOf({ row }: Row): number {
    return this.#rows.chunks[row >>> CHUNK_SHIFT]![row & CHUNK_MASK]!
  }
}
