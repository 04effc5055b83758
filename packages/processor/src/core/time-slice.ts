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
  constructor(budgetMillis = 2) {
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
  async range(count: number, work: (index: number) => void): Promise<void> {
    this.begin()
    for (let i = 0; i < count; i++) {
      work(i)
      if (this.spent()) await this.yield()
    }
    this.end()
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
