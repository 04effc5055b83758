import type { Attributes } from '@opentelemetry/api'
import type { Cells, PointValue } from '../aggregation/cells.ts'
import type { UnixMicros } from '../core/clock.ts'
import type { Exemplar, ExemplarReservoir } from './exemplar.ts'
import { ScalarCells } from './scalar-cells.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'

/** The time a point covers: after `startUnixMicros`, up to and including `endUnixMicros`. */
export interface Window {
  readonly startUnixMicros: UnixMicros
  readonly endUnixMicros: UnixMicros
}

/**
 * Everything recorded in one interval: physically, the list of series touched on one side of the double buffer, whose
 * state lies in their streams' cells of that side.
 */
export class Generation implements Window {
  readonly #side: 0 | 1
  readonly #scalars: Cells
  #touched: Series[] = []
  readonly #exemplars = new Map<Series, ExemplarReservoir>()
  readonly #restarts = new Map<Series, number>()
  /** 1, 2, 3 … in the order of time. */
  number = 0
  startUnixMicros: UnixMicros = 0
  /** Known once it is frozen. */
  endUnixMicros: UnixMicros = 0

  /** @param side the last bit of every {@link number} it will have */
  constructor(side: 0 | 1) {
    this.#side = side
    this.#scalars = new ScalarCells(this)
  }

  /** In the order in which they were first recorded in this generation. */
  get touched(): readonly Series[] {
    return this.#touched
  }

  /** The state of one of the {@link touched} series, copied. */
  valueOf(series: Series): PointValue {
    return this.cellsOf(series.stream).valueOf(series)
  }

  /** Examples of the measurements of one of the {@link touched} series, with their traces; none unless they are sampled. */
  exemplarsOf(series: Series): readonly Exemplar[] {
    return this.#exemplars.get(series)?.exemplars ?? []
  }

  /** @internal Where those are kept; undefined where there are none, which is the rule. */
  examplesOf(series: Series): ExemplarReservoir | undefined {
    return this.#exemplars.size === 0 ? undefined : this.#exemplars.get(series)
  }

  /**
   * @internal What a series that is a sum has been at since it last began anew in this generation, which is what a
   * cumulative consumer shows; undefined if it did not, which is the rule.
   */
  restartOf(series: Series): number | undefined {
    return this.#restarts.size === 0 ? undefined : this.#restarts.get(series)
  }

  /** @internal Says that an observed sum began anew, or where it has got since. */
  restart(series: Series, value: number): void {
    this.#restarts.set(series, value)
  }

  /** @internal Where examples of this series' measurements are kept, made at first use. */
  reservoirOf(series: Series, make: () => ExemplarReservoir): ExemplarReservoir {
    let reservoir = this.#exemplars.get(series)
    if (reservoir === undefined) {
      reservoir = make()
      this.#exemplars.set(series, reservoir)
    }
    return reservoir
  }

  /** @internal The cells of a stream's series; only those of {@link touched} ones mean anything. */
  cellsOf(stream: Stream): Cells {
    return stream.sides === undefined ? this.#scalars : stream.sides[this.#side]
  }

  /** @internal Returns what was touched in the generation that had this side before. */
  open(number: number, startUnixMicros: UnixMicros): readonly Series[] {
    const before = this.#touched
    this.#touched = []
    this.#exemplars.clear()
    this.#restarts.clear()
    this.number = number
    this.startUnixMicros = startUnixMicros
    this.endUnixMicros = startUnixMicros
    return before
  }

  /**
   * @internal
   *
   * @param setBackMicros by how much the clock was set back while it was hot: how long that was is known, so it moves as a whole
   */
  close(endUnixMicros: UnixMicros, setBackMicros = 0): void {
    this.startUnixMicros = Math.max(1, this.startUnixMicros - setBackMicros)
    this.endUnixMicros = endUnixMicros
  }

  /** @internal Adds a data point, whatever its attributes are. Only for the hot generation. */
  add(stream: Stream, attributes: Attributes, value: PointValue): void {
    this.cellsOf(stream).add(this.touch(stream.seriesFor(attributes, this.hasRoom(stream))), value)
  }

  /**
   * @internal Merges what another generation has of a series of the same aggregation. That an observed sum began anew stays
   * behind: others may become one with it, which did not.
   */
  merge(series: Series, from: Generation, of: Series): void {
    const target = this.touch(series)
    this.cellsOf(target.stream).merge(target, from.cellsOf(of.stream), of)
    const examples = from.#exemplars.get(of)
    if (examples !== undefined) this.reservoirOf(target, () => examples.empty()).take(examples, this.endUnixMicros)
  }

  /** @internal The series to record these attributes into, which were checked, touched. See {@link touch}. */
  seriesFor(stream: Stream, attributes: Attributes): Series {
    return this.touch(stream.seriesForChecked(attributes, this.hasRoom(stream)))
  }

  /**
   * @internal The series to record into where this one is meant: itself, with an empty cell at the first touch of this
   * generation. Beyond the stream's limit it is the overflow series; attribute sets seen before in this generation keep
   * theirs. Only for the hot generation, and never kept across an `await`.
   */
  touch(series: Series): Series {
    if (series.lastGeneration === this.number) return series
    const { stream } = series
    if (series !== stream.overflowIfAny && !stream.hasReserved(series)) {
      if (!this.hasRoom(stream)) return this.touch(stream.overflow)
      stream.touchedSeries++
    }
    // What a released side left behind is cleared here and not at the release, so that an idle series costs nothing.
    this.cellsOf(stream).reset(series)
    series.lastGeneration = this.number
    this.#touched.push(series)
    return series
  }

  /**
   * @internal The series of these attributes, which were checked, with a place of its own in this generation and all to come
   * until it is {@link release}d; the overflow series where there is no room. Only for the hot generation.
   */
  reserve(stream: Stream, attributes: Attributes): Series {
    const series = stream.seriesForChecked(attributes, this.hasRoom(stream))
    if (series === stream.overflowIfAny) return series
    const hasPlace = series.lastGeneration === this.number && !stream.hasReserved(series)
    if (!hasPlace && !stream.hasReserved(series) && !this.hasRoom(stream)) return stream.overflow
    if (hasPlace) stream.touchedSeries--
    stream.reserve(series)
    return series
  }

  /** @internal Gives back what {@link reserve} gave. */
  release(series: Series): void {
    const { stream } = series
    if (series === stream.overflowIfAny) return
    const isLast = stream.unreserve(series)
    if (isLast && series.lastGeneration === this.number) {
      this.#beginCount(stream)
      stream.touchedSeries++
    }
    series.letGo()
  }

  /** @internal Whether another series of this stream may be touched in this generation. */
  hasRoom(stream: Stream): boolean {
    this.#beginCount(stream)
    return stream.touchedSeries + stream.reservedSeries < stream.limit
  }

  #beginCount(stream: Stream): void {
    if (stream.touchedGeneration === this.number) return
    stream.touchedGeneration = this.number
    stream.touchedSeries = 0
  }
}
