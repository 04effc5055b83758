import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Cells, PointValue } from '../aggregation/cells.ts'
import { createCells } from '../aggregation/create-cells.ts'
import type { HistogramCells } from '../aggregation/histogram-cells.ts'
import type { NumberCells } from '../aggregation/number-cells.ts'
import type { UnixMicros } from '../core/clock.ts'
import { CHUNK_MASK, CHUNK_SHIFT, Rows } from '../core/rows.ts'
import type { Slices, TimeSlice } from '../core/time-slice.ts'
import type { Window } from './generation.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'

/** In a row of times: where the point starts and where it ends. */
const START = 0
const END = 1

/**
 * The points of one stream, a series each: what a {@link Fold} holds of it. Read-only for adapters.
 *
 * They are columns, not objects: an outage holds numbers that the garbage collector does not visit, and points become
 * objects when they are sent.
 */
export class StreamPoints {
  readonly stream: Stream
  /** @internal */
  readonly cells: Cells
  readonly #times = new Rows(2)
  #series: Series[] = []
  /** Of each of them: whoever reads all points in order need not visit the series, which lie all over the memory. */
  #rows = new Int32Array(8)
  #removals = 0
  /** Of all points, once they were taken or captured. */
  #startUnixMicros: UnixMicros | undefined
  #endUnixMicros: UnixMicros | undefined
  /** No point ends later; only of points that have ends of their own. */
  #latestUnixMicros: UnixMicros = Number.POSITIVE_INFINITY
  /** How many bound series have no point yet, and as of which {@link Stream.reservations}. */
  #absentReserved = 0
  #absentAsOf = -1

  /** @internal */
  constructor(stream: Stream) {
    this.stream = stream
    this.cells = createCells(stream.aggregation)
  }

  /** How often points were removed: what is known by index is right as long as this is the same. */
  get removals(): number {
    return this.#removals
  }

  get size(): number {
    return this.#series.length
  }

  /** The series of each point. */
  get series(): readonly Series[] {
    return this.#series
  }

  /** The state of a point, as OTel exporters read it; a copy. */
  valueOf(index: number): PointValue {
    return this.cells.valueOf(this.#series[index]!)
  }

  /**
   * The state of a point of an explicit histogram without making objects: the count of each bucket, then the sum, -0 where
   * there is none.
   *
   * @param into at least two longer than the boundaries
   */
  histogramInto(index: number, into: Float64Array): void {
    ;(this.cells as HistogramCells).copyInto(this.#rows[index]!, into)
  }

  /** The state of a point of a sum or a gauge. */
  numberOf(index: number): number {
    return (this.cells as NumberCells).numberIn(this.#rows[index]!)
  }

  /** Start of a point: of the first generation that was absorbed for it; of all there was, once it was taken. */
  startUnixMicrosOf(index: number): UnixMicros {
    return this.#startUnixMicros ?? this.#time(index, START)
  }

  /** End of a point: of the last generation that was absorbed for it; of all there was, once it was taken. */
  endUnixMicrosOf(index: number): UnixMicros {
    return this.#endUnixMicros ?? Math.min(this.#time(index, END), this.#latestUnixMicros)
  }

  /** @internal Whether there is a point of this series. */
  has(series: Series): boolean {
    const chunk = this.#times.chunks[series.row >>> CHUNK_SHIFT]
    const at = ((series.row & CHUNK_MASK) << 1) + END
    return chunk !== undefined && at < chunk.length && chunk[at] !== 0
  }

  /**
   * @internal The series whose point takes what this one did: itself, or the overflow series beyond the limit. Bound series
   * have a place before they are recorded, which others leave free.
   */
  placeFor(series: Series): Series {
    const { stream } = this
    const overflow = stream.overflowIfAny
    if (this.#series.length + stream.reservedSeries < stream.limit || series === overflow || this.has(series)) {
      return series
    }
    const counted = this.#series.length - (overflow !== undefined && this.has(overflow) ? 1 : 0)
    const kept = stream.hasReserved(series) ? 0 : this.#countAbsentReserved()
    return counted + kept < stream.limit ? series : stream.overflow
  }

  /** @internal Makes an empty point; to be followed by {@link merge}. */
  add(series: Series, startUnixMicros: UnixMicros): void {
    this.#times.reserve(series.row)
    this.#times.chunks[series.row >>> CHUNK_SHIFT]![((series.row & CHUNK_MASK) << 1) + START] = startUnixMicros
    this.cells.reset(series)
    this.#push(series)
    if (this.stream.hasReserved(series)) this.#absentAsOf = -1
  }

  /** @internal */
  merge(series: Series, from: Cells, of: Series, endUnixMicros: UnixMicros): void {
    this.#times.chunks[series.row >>> CHUNK_SHIFT]![((series.row & CHUNK_MASK) << 1) + END] = endUnixMicros
    this.cells.merge(series, from, of)
  }

  /** @internal Begins a point anew that is a sum. */
  restart(series: Series, window: Window, value: number): void {
    const chunk = this.#times.chunks[series.row >>> CHUNK_SHIFT]!
    const at = (series.row & CHUNK_MASK) << 1
    chunk[at + START] = window.startUnixMicros
    chunk[at + END] = window.endUnixMicros
    this.cells.reset(series)
    this.cells.add(series, value)
  }

  /** @internal Copies a point of other points of the same stream that is not here yet. */
  copy(from: StreamPoints, index: number): void {
    const series = from.#series[index]!
    this.add(series, from.startUnixMicrosOf(index))
    this.merge(series, from.cells, series, from.endUnixMicrosOf(index))
  }

  /** @internal Gives all points one window; a gauge keeps the time it was set in, unless the clock was set back since. */
  stamp(window: Window): void {
    this.#startUnixMicros = window.startUnixMicros
    this.#latestUnixMicros = window.endUnixMicros
    if (this.stream.aggregation.type !== DataPointType.GAUGE) this.#endUnixMicros = window.endUnixMicros
  }

  /**
   * @internal The clock was set back: a point that lies ahead of it no longer does. Its state goes on, and so does its start
   * unless that is ahead, too.
   *
   * @param startUnixMicros no point starts later
   * @param endUnixMicros no point ends later
   */
  setBack(index: number, startUnixMicros: UnixMicros, endUnixMicros: UnixMicros): void {
    const row = this.#rows[index]!
    const chunk = this.#times.chunks[row >>> CHUNK_SHIFT]!
    const at = (row & CHUNK_MASK) << 1
    if (chunk[at + START]! > startUnixMicros) chunk[at + START] = startUnixMicros
    if (chunk[at + END]! > endUnixMicros) chunk[at + END] = endUnixMicros
  }

  /** @internal Gives all points one end. */
  endAt(endUnixMicros: UnixMicros): void {
    this.#endUnixMicros = endUnixMicros
  }

  /** @internal */
  *remove(dropped: ReadonlySet<Series>, slice: TimeSlice): Slices {
    this.#removals++
    const all = this.#series
    this.#series = []
    yield* slice.eachOf(all, (series) => {
      if (!dropped.has(series)) this.#push(series)
      else this.#times.chunks[series.row >>> CHUNK_SHIFT]![((series.row & CHUNK_MASK) << 1) + END] = 0
    })
    this.#absentAsOf = -1
  }

  #push(series: Series): void {
    const index = this.#series.length
    if (index === this.#rows.length) {
      const longer = new Int32Array(2 * index)
      longer.set(this.#rows)
      this.#rows = longer
    }
    this.#rows[index] = series.row
    this.#series.push(series)
  }

  #countAbsentReserved(): number {
    const { stream } = this
    if (this.#absentAsOf !== stream.reservations) {
      this.#absentAsOf = stream.reservations
      this.#absentReserved = 0
      for (const series of stream.reserved) if (!this.has(series)) this.#absentReserved++
    }
    return this.#absentReserved
  }

  #time(index: number, which: number): UnixMicros {
    const row = this.#rows[index]!
    return this.#times.chunks[row >>> CHUNK_SHIFT]![((row & CHUNK_MASK) << 1) + which]!
  }
}
