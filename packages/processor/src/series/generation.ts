import type { Attributes } from '@opentelemetry/api'
import type { Cells, PointValue } from '../aggregation/cells.ts'
import type { UnixMicros } from '../core/clock.ts'
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
  /** 1, 2, 3 … in the order of time. */
  number = 0
  startUnixMicros: UnixMicros = 0
  /** Known once it is frozen. */
  endUnixMicros: UnixMicros = 0

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

  /** @internal The cells of a stream's series; only those of {@link touched} ones mean anything. */
  cellsOf(stream: Stream): Cells {
    return stream.sides === undefined ? this.#scalars : stream.sides[this.#side]
  }

  /** @internal Returns what was touched in the generation that had this side before. */
  open(number: number, startUnixMicros: UnixMicros): readonly Series[] {
    const before = this.#touched
    this.#touched = []
    this.number = number
    this.startUnixMicros = startUnixMicros
    this.endUnixMicros = startUnixMicros
    return before
  }

  /** @internal */
  close(endUnixMicros: UnixMicros): void {
    this.endUnixMicros = endUnixMicros
  }

  /** @internal Adds a data point. Only for the hot generation. */
  add(stream: Stream, attributes: Attributes, value: PointValue): void {
    this.cellsOf(stream).add(this.seriesFor(stream, attributes), value)
  }

  /** @internal Merges what another generation has of a series of the same aggregation. */
  merge(series: Series, from: Generation, of: Series): void {
    const target = this.touch(series)
    this.cellsOf(target.stream).merge(target, from.cellsOf(of.stream), of)
  }

  /** @internal The series to record these attributes into, touched. See {@link touch}. */
  seriesFor(stream: Stream, attributes: Attributes): Series {
    return this.touch(stream.seriesFor(attributes, this.hasRoom(stream)))
  }

  /**
   * @internal The series to record into where this one is meant: itself, with an empty cell at the first touch of this
   * generation. Beyond the stream's limit it is the overflow series; attribute sets seen before in this generation keep
   * theirs. Only for the hot generation, and never kept across an `await`.
   */
  touch(series: Series): Series {
    if (series.lastGeneration === this.number) return series
    const { stream } = series
    if (series !== stream.overflowIfAny) {
      if (!this.hasRoom(stream)) return this.touch(stream.overflow)
      stream.touchedSeries++
    }
    // What a released side left behind is cleared here and not at the release, so that an idle series costs nothing.
    this.cellsOf(stream).reset(series)
    series.lastGeneration = this.number
    this.#touched.push(series)
    return series
  }

  /** @internal Whether another series of this stream may be touched in this generation. */
  hasRoom(stream: Stream): boolean {
    if (stream.touchedGeneration !== this.number) {
      stream.touchedGeneration = this.number
      stream.touchedSeries = 0
    }
    return stream.touchedSeries < stream.limit
  }
}
