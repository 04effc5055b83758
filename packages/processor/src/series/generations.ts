import type { Clock } from '../core/clock.ts'
import { DoubleBuffer } from '../core/double-buffer.ts'
import type { Slices, TimeSlice } from '../core/time-slice.ts'
import { Generation } from './generation.ts'
import { report } from './report.ts'
import type { Series } from './series.ts'

/** How many corrections of the clock have a line each; after that those that are a power of two, for a clock that flaps. */
const TOLD_EACH = 10

/** The two generations of a reader, one being recorded into and one being drained or free, and the clock that stamps them. */
export class Generations {
  readonly #clock: Clock
  readonly #buffer: DoubleBuffer<Generation>
  #lastButOne: readonly Series[] = []
  #epoch = 0
  /** The {@link hot} generation's number, which every recording compares with its series' last one. */
  hotNumber = 1

  constructor(clock: Clock) {
    this.#clock = clock
    const first = new Generation(1)
    first.open(this.hotNumber, clock.tick())
    this.#buffer = new DoubleBuffer(first, new Generation(0))
  }

  get hot(): Generation {
    return this.#buffer.hot
  }

  /** How many times the clock has followed the wall clock back: within an epoch time never runs backward. */
  get epoch(): number {
    return this.#epoch
  }

  /**
   * Cuts here and now: what was recorded before is in the generation returned, what comes after starts where it ends.
   * Where the wall clock was set back, that generation is the first of a new epoch.
   *
   * @throws Error when the generation frozen before has not been released
   */
  freeze(): Generation {
    const frozen = this.#buffer.freeze()
    const endUnixMicros = this.#clock.tick()
    const { setBackMicros } = this.#clock
    frozen.close(endUnixMicros, setBackMicros)
    this.hotNumber = frozen.number + 1
    this.#lastButOne = this.#buffer.hot.open(this.hotNumber, endUnixMicros)
    // Last: a logger may record.
    if (setBackMicros > 0) this.#beginEpoch(setBackMicros)
    return frozen
  }

  /**
   * Marks the series that were recorded in the generation before the frozen one and not in the frozen one, so that those
   * nobody holds are forgotten. Without this, attributes that come and go would fill memory.
   */
  *markIdle(frozen: Generation, slice: TimeSlice): Slices {
    const touchedBefore = this.#lastButOne
    this.#lastButOne = []
    yield* slice.eachOf(touchedBefore, (series) => {
      if (series.lastGeneration < frozen.number) series.markIdle()
    })
  }

  /** @throws Error when `generation` is not the frozen one */
  release(generation: Generation): void {
    this.#buffer.release(generation)
  }

  #beginEpoch(setBackMicros: number): void {
    this.#epoch++
    if (this.#epoch > TOLD_EACH && !Number.isInteger(Math.log2(this.#epoch))) return
    report(
      'warn',
      `sluice: the wall clock was set back, and the times of data points with it, by ${(setBackMicros / 1e6).toFixed(1)} s` +
        (this.#epoch === 1 ? '' : ` (for the ${this.#epoch}th time)`),
    )
  }
}
