/**
 * Does some of the work that {@link Slices} consist of; true when the event loop is to run before the next piece.
 *
 * A piece that never returned, as the application ended its process from within it, is called again by
 * {@link finishAtOnce}: it goes on with the item that it was at.
 */
type Piece = () => boolean

/**
 * Long work in pieces; nothing in the place of one asks to give way. Where it stands is in it alone, so whoever has it can
 * finish it without repeating anything: {@link TimeSlice.run} in slices, {@link finishAtOnce} at the end of a process, which
 * runs no event loop any more, also after the other has begun.
 *
 * INVARIANT: the work is done by the pieces, outside of the generator. Where the application's code is called in it and ends the
 * process, an `exit` handler finds the generator waiting and can go on with it; one that is running cannot be resumed.
 */
export type Slices<Result = void> = Generator<Piece | undefined, Result, void>

/** Does what is left of the work, without giving way. Throws what the work throws; nothing when it is done already. */
export function finishAtOnce<Result>(work: Slices<Result>): Result | undefined {
  for (;;) {
    const step = doPiece(work)
    if (step.done) return step.value
  }
}

/** Does the next piece; what it throws is for the work to handle. */
function doPiece<Result>(work: Slices<Result>): IteratorResult<boolean, Result> {
  let step = work.next()
  for (;;) {
    if (step.done) return step
    try {
      return { done: false, value: step.value?.() ?? true }
    } catch (error) {
      step = work.throw(error)
    }
  }
}

/**
 * Lets long synchronous work give way to the event loop every few milliseconds.
 *
 * Pieces of work that follow each other without the event loop running in between share one slice: a promise that is
 * awaited between them does not let it run.
 */
export class TimeSlice {
  readonly #budgetMillis: number
  readonly #around: <T>(piece: () => T) => T
  #startedMillis = 0
  #endedMillis = Number.NEGATIVE_INFINITY
  #sinceLook = 0
  #longestMillis = 0

  /**
   * @param around calls each piece of work; default: just that
   * @param budgetMillis how long to work before giving way; the look at the clock is every 32 items, so it is overrun by those
   */
  constructor(around = <T>(piece: () => T): T => piece(), budgetMillis = 1) {
    this.#around = around
    this.#budgetMillis = budgetMillis
  }

  /** The longest time that work in slices has held the event loop, in ms. */
  get longestMillis(): number {
    return this.#longestMillis
  }

  /** Does something for each number below `count`, in as many slices as it takes. */
  range(count: number, work: (index: number) => void): Promise<void> {
    return this.run(this.rangeOf(count, work))
  }

  /** Does something with each item, as a part of longer work. */
  eachOf<T>(items: readonly T[], work: (item: T) => void): Slices {
    return this.rangeOf(items.length, (i) => work(items[i]!))
  }

  /** Does one thing, as a part of longer work. */
  *once<T>(work: () => T): Slices<T> {
    let result: T
    yield* this.rangeOf(1, () => {
      result = work()
    })
    return result!
  }

  /** {@link range} as a part of longer work. */
  *rangeOf(count: number, work: (index: number) => void): Slices {
    let next = 0
    const piece = () => {
      while (next < count) {
        work(next)
        next++
        if (this.spent()) return true
      }
      return false
    }
    this.#begin()
    while (next < count) yield piece
    this.#end()
  }

  /** Does all of some work. Resolves to its result, and to nothing where somebody else has finished it meanwhile. */
  async run<Result>(work: Slices<Result>): Promise<Result | undefined> {
    for (;;) {
      const step = this.#around(() => doPiece(work))
      if (step.done) return step.value
      if (step.value) await this.#giveWay()
    }
  }

  #begin(): void {
    const nowMillis = performance.now()
    if (nowMillis - this.#endedMillis > SAME_ROUND_MILLIS) this.#startedMillis = nowMillis
  }

  /** Counts one item of work; true when it is time to give way. */
  spent(): boolean {
    this.#sinceLook++
    if (this.#sinceLook < 32) return false
    this.#sinceLook = 0
    return performance.now() - this.#startedMillis >= this.#budgetMillis
  }

  /** Resolves after the event loop has polled for I/O once, and starts the next slice. */
  async #giveWay(): Promise<void> {
    this.#end()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#startedMillis = performance.now()
  }

  #end(): void {
    this.#endedMillis = performance.now()
    this.#longestMillis = Math.max(this.#longestMillis, this.#endedMillis - this.#startedMillis)
  }
}

/** Between two pieces of work that are less than this apart, only promises were awaited. */
const SAME_ROUND_MILLIS = 0.05
