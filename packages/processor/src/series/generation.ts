import type { Attributes } from '@opentelemetry/api'
import { type Cell, createCell } from '../aggregation/cell.ts'
import type { Clock, UnixMicros } from '../core/clock.ts'
import { DoubleBuffer } from '../core/double-buffer.ts'
import type { TimeSlice } from '../core/time-slice.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'

/** The time a point covers: after `startUnixMicros`, up to and including `endUnixMicros`. */
export interface Window {
  readonly startUnixMicros: UnixMicros
  readonly endUnixMicros: UnixMicros
}

/**
 * Everything recorded in one interval: physically, the list of series touched on one side of the double buffer, whose
 * state lies in each series' cell of that side.
 */
export class Generation implements Window {
  readonly side: 0 | 1
  #touched: Series[] = []
  /** 1, 2, 3 … in the order of time. */
  number = 0
  startUnixMicros: UnixMicros = 0
  /** Known once it is frozen. */
  endUnixMicros: UnixMicros = 0

  constructor(side: 0 | 1) {
    this.side = side
  }

  /** In the order in which they were first recorded in this generation. */
  get touched(): readonly Series[] {
    return this.#touched
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

  /**
   * The cell to record into for these attributes; empty at the first touch of this generation. Beyond the stream's limit
   * it is that of the overflow series; attribute sets seen before in this generation keep their series. Only for the hot
   * generation, and never kept across an `await`.
   */
  cellFor(stream: Stream, attributes: Attributes): Cell {
    return this.touch(stream.seriesFor(attributes, this.hasRoom(stream)))
  }

  /** As {@link cellFor}, for a series that is known. */
  touch(series: Series): Cell {
    if (series.lastGeneration === this.number) return series.cells[this.side]!
    const { stream } = series
    if (series !== stream.overflowIfAny) {
      if (!this.hasRoom(stream)) return this.touch(stream.overflow)
      stream.touchedSeries++
    }
    series.lastGeneration = this.number
    this.#touched.push(series)
    // What a released side left behind is cleared here and not at the release, so that an idle series costs nothing.
    const cell = series.cells[this.side]
    if (cell !== undefined) {
      cell.reset()
      return cell
    }
    const made = createCell(stream.aggregation)
    series.cells[this.side] = made
    return made
  }

  /** @internal Whether another series of this stream may be touched in this generation. */
  hasRoom(stream: Stream): boolean {
    if (stream.touchedGeneration !== this.number) {
      stream.touchedGeneration = this.number
      stream.touchedSeries = 0
    }
    return stream.touchedSeries < stream.limit
  }

  /** The state of one of the {@link touched} series. */
  cellOf(series: Series): Cell {
    return series.cells[this.side]!
  }
}

/** The two generations of a reader, one being recorded into and one being drained or free, and the clock that stamps them. */
export class Generations {
  readonly #clock: Clock
  readonly #buffer: DoubleBuffer<Generation>
  #lastButOne: readonly Series[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    const first = new Generation(0)
    first.open(1, clock.tick())
    this.#buffer = new DoubleBuffer(first, new Generation(1))
  }

  get hot(): Generation {
    return this.#buffer.hot
  }

  /**
   * Cuts here and now: what was recorded before is in the generation returned, what comes after starts where it ends.
   *
   * @throws Error when the generation frozen before has not been released
   */
  freeze(): Generation {
    const frozen = this.#buffer.freeze()
    frozen.close(this.#clock.tick())
    this.#lastButOne = this.#buffer.hot.open(frozen.number + 1, frozen.endUnixMicros)
    return frozen
  }

  /**
   * Marks the series that were recorded in the generation before the frozen one and not in the frozen one, so that those
   * nobody holds are forgotten. Without this, attributes that come and go would fill memory.
   */
  async markIdle(frozen: Generation, slice: TimeSlice): Promise<void> {
    await slice.each(this.#lastButOne, (series) => {
      if (series.lastGeneration < frozen.number) series.markIdle()
    })
    this.#lastButOne = []
  }

  /** @throws Error when `generation` is not the frozen one */
  release(generation: Generation): void {
    this.#buffer.release(generation)
  }
}
