/**
 * Lets long synchronous work give way to the event loop every few milliseconds.
 *
 * ```ts
 * slice.begin()
 * for (const item of items) {
 *   work(item)
 *   if (slice.spent()) await slice.yield()
 * }
 * slice.end()
 * ```
 */
export class TimeSlice {
  readonly #budgetMillis: number
  #startedMillis = 0
  #sinceLook = 0
  #longestMillis = 0

  /** @param budgetMillis how long to work before giving way; the look at the clock is every 32 items, so it is overrun by those */
  constructor(budgetMillis = 2) {
    this.#budgetMillis = budgetMillis
  }

  /** The longest time between two points at which the event loop could run, in ms. */
  get longestMillis(): number {
    return this.#longestMillis
  }

  /** Does something with each item, in as many slices as it takes. */
  async each<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
    this.begin()
    for (const item of items) {
      work(item)
      if (this.spent()) await this.yield()
    }
    this.end()
  }

  begin(): void {
    this.#startedMillis = performance.now()
    this.#sinceLook = 0
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
    this.begin()
  }

  end(): void {
    this.#longestMillis = Math.max(this.#longestMillis, performance.now() - this.#startedMillis)
  }
}
