/**
 * Long work that stops at each `yield`, where the event loop may run, and goes on with the next. Where it stands is in it
 * alone, so whoever has it can finish it without repeating anything: {@link TimeSlice.run} in slices, {@link finishAtOnce}
 * at the end of a process, which runs no event loop any more, also after the other has begun.
 */
export type Slices<Result = void> = Generator<void, Result, void>

/** Does what is left of the work, without giving way. Throws what the work throws; nothing when it is done already. */
export function finishAtOnce<Result>(work: Slices<Result>): Result | undefined {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
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
  #startedMillis = 0
  #endedMillis = Number.NEGATIVE_INFINITY
  #sinceLook = 0
  #longestMillis = 0

  /** @param budgetMillis how long to work before giving way; the look at the clock is every 32 items, so it is overrun by those */
  constructor(budgetMillis = 1) {
    this.#budgetMillis = budgetMillis
  }

  /** The longest time that work in slices has held the event loop, in ms. */
  get longestMillis(): number {
    return this.#longestMillis
  }

  /** Does something with each item, in as many slices as it takes. */
  each<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
    return this.range(items.length, (i) => work(items[i]!))
  }

  /** Does something for each number below `count`, in as many slices as it takes. */
  range(count: number, work: (index: number) => void): Promise<void> {
    return this.run(this.rangeOf(count, work))
  }

  /** {@link each} as a part of longer work. */
  eachOf<T>(items: readonly T[], work: (item: T) => void): Slices {
    return this.rangeOf(items.length, (i) => work(items[i]!))
  }

  /** {@link range} as a part of longer work. */
  *rangeOf(count: number, work: (index: number) => void): Slices {
    this.begin()
    for (let i = 0; i < count; i++) {
      work(i)
      if (this.spent()) yield
    }
    this.end()
  }

  /**
   * Does work that yields where a slice is {@link spent}. Resolves to its result, and to nothing where somebody else has
   * finished it meanwhile.
   */
  async run<Result>(work: Slices<Result>): Promise<Result | undefined> {
    for (;;) {
      const { done, value } = work.next()
      if (done) return value
      await this.yield()
    }
  }

  /** To be followed by work, with {@link spent} after each item, and {@link end}. */
  begin(): void {
    const nowMillis = performance.now()
    if (nowMillis - this.#endedMillis > SAME_ROUND_MILLIS) this.#startedMillis = nowMillis
  }

  /** Counts one item of work; true when it is time to {@link yield}. */
  spent(): boolean {
    this.#sinceLook++
    if (this.#sinceLook < 32) return false
    this.#sinceLook = 0
    return performance.now() - this.#startedMillis >= this.#budgetMillis
  }

  /** Resolves after the event loop has polled for I/O once, and starts the next slice. */
  async yield(): Promise<void> {
    this.end()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#startedMillis = performance.now()
  }

  end(): void {
    this.#endedMillis = performance.now()
    this.#longestMillis = Math.max(this.#longestMillis, this.#endedMillis - this.#startedMillis)
  }
}

/** Between two pieces of work that are less than this apart, only promises were awaited. */
const SAME_ROUND_MILLIS = 0.05
