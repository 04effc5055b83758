import { type Cell, mergeCell } from '../aggregation/cell.ts'
import type { UnixMicros } from '../core/clock.ts'
import type { Window } from './generation.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'

/** The state of one series over all generations that were absorbed. */
export class FoldedPoint implements Window {
  readonly series: Series
  readonly cell: Cell
  /** Start of the first generation that was absorbed for this series. */
  readonly startUnixMicros: UnixMicros
  /** End of the last generation that was absorbed for this series. */
  endUnixMicros: UnixMicros

  constructor(series: Series, cell: Cell, startUnixMicros: UnixMicros, endUnixMicros: UnixMicros) {
    this.series = series
    this.cell = cell
    this.startUnixMicros = startUnixMicros
    this.endUnixMicros = endUnixMicros
  }
}

/**
 * Generations folded into one state per series: sums and buckets add, min and max combine, gauges keep the latest.
 *
 * Its size is bounded by the number of series, not by the number of generations.
 */
export class Fold {
  readonly #byStream = new Map<Stream, Map<Series, FoldedPoint>>()
  #size = 0

  /** How many series it holds. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds what a series did in a later window. The cell is copied, not kept.
   *
   * @returns true when it became part of a point that was there already
   */
  absorb(series: Series, cell: Cell, window: Window): boolean {
    let points = this.#byStream.get(series.stream)
    if (points === undefined) {
      points = new Map()
      this.#byStream.set(series.stream, points)
    }
    const point = points.get(series)
    if (point === undefined) {
      points.set(series, new FoldedPoint(series, cell.clone(), window.startUnixMicros, window.endUnixMicros))
      this.#size++
      return false
    }
    mergeCell(point.cell, cell)
    point.endUnixMicros = window.endUnixMicros
    return true
  }

  /** Its points, those of one stream next to each other. */
  *points(): IterableIterator<FoldedPoint> {
    for (const points of this.#byStream.values()) yield* points.values()
  }
}
