import type { Clock } from '../core/clock.ts'
import { DoubleBuffer } from '../core/double-buffer.ts'
import type { Slices, TimeSlice } from '../core/time-slice.ts'
import { Generation } from './generation.ts'
import type { Series } from './series.ts'

/** The two generations of a reader, one being recorded into and one being drained or free, and the clock that stamps them. */
export class Generations {
  readonly #clock: Clock
  readonly #buffer: DoubleBuffer<Generation>
  #lastButOne: readonly Series[] = []
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

  /**
   * Cuts here and now: what was recorded before is in the generation returned, what comes after starts where it ends.
   *
   * @throws Error when the generation frozen before has not been released
   */
  freeze(): Generation {
    const frozen = this.#buffer.freeze()
    frozen.close(this.#clock.tick())
    this.hotNumber = frozen.number + 1
    this.#lastButOne = this.#buffer.hot.open(this.hotNumber, frozen.endUnixMicros)
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
}
