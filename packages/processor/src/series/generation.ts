import { type Cell, createCell } from '../aggregation/cell.ts'
import type { Clock, UnixMicros } from '../core/clock.ts'
import { DoubleBuffer } from '../core/double-buffer.ts'
import type { Series } from './series.ts'

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
  /** In the order in which they were first recorded in this generation. */
  readonly touched: Series[] = []
  /** 1, 2, 3 … in the order of time. */
  number = 0
  startUnixMicros: UnixMicros = 0
  /** Known once it is frozen. */
  endUnixMicros: UnixMicros = 0

  constructor(side: 0 | 1) {
    this.side = side
  }

  /** @internal */
  open(number: number, startUnixMicros: UnixMicros): void {
    this.touched.length = 0
    this.number = number
    this.startUnixMicros = startUnixMicros
    this.endUnixMicros = startUnixMicros
  }

  /** @internal */
  close(endUnixMicros: UnixMicros): void {
    this.endUnixMicros = endUnixMicros
  }

  /**
   * The cell to record into; empty at the first touch of this generation. Only for the hot generation, and never kept
   * across an `await`.
   */
  touch(series: Series): Cell {
    let cell = series.cells[this.side]
    if (series.lastGeneration !== this.number) {
      series.lastGeneration = this.number
      this.touched.push(series)
      // What a released side left behind is cleared here and not at the release, so that an idle series costs nothing.
      if (cell === undefined) series.cells[this.side] = cell = createCell(series.stream.aggregation)
      else cell.reset()
    }
    return cell!
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
    this.#buffer.hot.open(frozen.number + 1, frozen.endUnixMicros)
    return frozen
  }

  /** @throws Error when `generation` is not the frozen one */
  release(generation: Generation): void {
    this.#buffer.release(generation)
  }
}
