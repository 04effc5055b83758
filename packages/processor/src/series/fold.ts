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
 * Its size is bounded by the streams' cardinality limits, not by the number of generations: a series beyond the limit is
 * folded into the stream's overflow series, and those that were there before keep their place.
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
    const { stream } = series
    let points = this.#byStream.get(stream)
    if (points === undefined) {
      points = new Map()
      this.#byStream.set(stream, points)
    }
    const point = points.get(series)
    if (point !== undefined) {
      mergeCell(point.cell, cell)
      point.endUnixMicros = window.endUnixMicros
      return true
    }
    const overflow = stream.overflowIfAny
    const counted = overflow !== undefined && points.has(overflow) ? points.size - 1 : points.size
    if (counted >= stream.limit && series !== overflow) return this.absorb(stream.overflow, cell, window)
    series.hold()
    points.set(series, new FoldedPoint(series, cell.clone(), window.startUnixMicros, window.endUnixMicros))
    this.#size++
    return false
  }

  /** Its points, those of one stream next to each other. */
  *points(): IterableIterator<FoldedPoint> {
    for (const points of this.#byStream.values()) yield* points.values()
  }

  /** Takes all points out and leaves it empty. */
  take(): FoldedPoint[] {
    const points = [...this.points()]
    for (const point of points) point.series.letGo()
    this.#byStream.clear()
    this.#size = 0
    return points
  }

  /** Takes one point out. */
  delete({ series }: FoldedPoint): void {
    if (!this.#byStream.get(series.stream)?.delete(series)) return
    this.#size--
    series.letGo()
  }
}
