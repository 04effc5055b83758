import { DataPointType } from '@opentelemetry/sdk-metrics'
import { type Cell, mergeCell } from '../aggregation/cell.ts'
import type { UnixMicros } from '../core/clock.ts'
import type { TimeSlice } from '../core/time-slice.ts'
import type { Window } from './generation.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'

/** The state of one series over all generations that were absorbed. */
export class FoldedPoint implements Window {
  readonly series: Series
  readonly cell: Cell
  /** Start of the first generation that was absorbed for this series. */
  startUnixMicros: UnixMicros
  /** End of the last generation that was absorbed for this series. */
  endUnixMicros: UnixMicros

  constructor(series: Series, cell: Cell, startUnixMicros: UnixMicros, endUnixMicros: UnixMicros) {
    this.series = series
    this.cell = cell
    this.startUnixMicros = startUnixMicros
    this.endUnixMicros = endUnixMicros
  }
}

/** {@link AttachedReader.inSlices} */
type InSlices = <T>(items: Iterable<T>, work: (item: T) => void) => Promise<void>

/** The points of one stream. */
interface StreamPoints {
  readonly points: FoldedPoint[]
  /** End of the first generation that was absorbed. */
  readonly firstEndUnixMicros: UnixMicros
  /** Made when a second generation is absorbed, which with an exporter that is well does not happen. */
  bySeries: Map<Series, FoldedPoint> | undefined
  hasOverflow: boolean
}

/**
 * Generations folded into one state per series: sums and buckets add, min and max combine, gauges keep the latest.
 *
 * Its size is bounded by the streams' cardinality limits, not by the number of generations: a series beyond the limit is
 * folded into the stream's overflow series, and those that were there before keep their place.
 */
export class Fold {
  readonly #byStream = new Map<Stream, StreamPoints>()
  #size = 0
  #startUnixMicros: UnixMicros = 0
  #endUnixMicros: UnixMicros = 0

  /** How many series it holds. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds what a series did in a window. The cell is copied, not kept. Windows come in the order of time, and a series
   * comes once in each.
   *
   * @returns true when it became part of a point that was there already
   */
  absorb(series: Series, cell: Cell, window: Window): boolean {
    const { stream } = series
    if (this.#size === 0) this.#startUnixMicros = window.startUnixMicros
    this.#endUnixMicros = window.endUnixMicros
    let ofStream = this.#byStream.get(stream)
    if (ofStream === undefined) {
      ofStream = { points: [], firstEndUnixMicros: window.endUnixMicros, bySeries: undefined, hasOverflow: false }
      this.#byStream.set(stream, ofStream)
    }
    // In the first generation every series is new; a generation keeps to the limit by itself.
    if (window.endUnixMicros !== ofStream.firstEndUnixMicros) {
      ofStream.bySeries ??= new Map(ofStream.points.map((point) => [point.series, point]))
      const point = ofStream.bySeries.get(series)
      if (point !== undefined) {
        mergeCell(point.cell, cell)
        point.endUnixMicros = window.endUnixMicros
        return true
      }
      const counted = ofStream.points.length - (ofStream.hasOverflow ? 1 : 0)
      if (counted >= stream.limit && series !== stream.overflowIfAny) return this.absorb(stream.overflow, cell, window)
    }
    const point = new FoldedPoint(series, cell.clone(), window.startUnixMicros, window.endUnixMicros)
    series.hold()
    ofStream.points.push(point)
    ofStream.bySeries?.set(series, point)
    if (series === stream.overflowIfAny) ofStream.hasOverflow = true
    this.#size++
    return false
  }

  /** Its points, those of one stream next to each other. */
  *points(): IterableIterator<FoldedPoint> {
    for (const { points } of this.#byStream.values()) yield* points
  }

  /**
   * Takes all points out and leaves it empty. All get one window, that of everything that was absorbed (OTel spec, metrics
   * SDK, "Start timestamps": the delta points of one collection start together); a gauge keeps the time it was set in.
   */
  take(): FoldedPoint[] {
    return [...this.#leaving()]
  }

  /** As {@link take}, a few ms at a time: it is empty at once, and the points are there when the promise resolves. */
  async takeInSlices(inSlices: InSlices): Promise<FoldedPoint[]> {
    const taken: FoldedPoint[] = []
    await inSlices(this.#leaving(), (point) => {
      taken.push(point)
    })
    return taken
  }

  *#leaving(): IterableIterator<FoldedPoint> {
    const streams = [...this.#byStream]
    const startUnixMicros = this.#startUnixMicros
    const endUnixMicros = this.#endUnixMicros
    this.#byStream.clear()
    this.#size = 0
    for (const [stream, { points }] of streams) {
      const isGauge = stream.aggregation.type === DataPointType.GAUGE
      for (const point of points) {
        point.startUnixMicros = startUnixMicros
        if (!isGauge) point.endUnixMicros = endUnixMicros
        point.series.letGo()
        yield point
      }
    }
  }

  /** @internal Takes out the points that are not to be kept, in time slices; nothing else may use it meanwhile. */
  async keepOnly(keep: (point: FoldedPoint) => boolean, slice: TimeSlice): Promise<void> {
    slice.begin()
    for (const [stream, ofStream] of this.#byStream) {
      const { points } = ofStream
      let kept = 0
      for (let i = 0; i < points.length; i++) {
        const point = points[i]!
        if (keep(point)) {
          points[kept++] = point
        } else {
          ofStream.bySeries?.delete(point.series)
          if (point.series === stream.overflowIfAny) ofStream.hasOverflow = false
          this.#size--
          point.series.letGo()
        }
        if (slice.spent()) await slice.yield()
      }
      points.length = kept
      if (kept === 0) this.#byStream.delete(stream)
    }
    slice.end()
  }
}
