import type { Backend } from './backend.ts'

/**
 * The metrics buffer that stream processors have: it looks right, and loses and repeats.
 *
 * - What is added to a metric after its value was sent, and before the maps are cleared, is lost.
 * - When the backend throws half-way, nothing is cleared: the next flush sends again what had arrived already.
 *
 * Python adds a third: a metric that is new while a flush iterates ends it with `dictionary changed size during iteration`.
 */
export class NaiveBuffer {
  readonly #timers = new Map<string, number>()
  readonly #counters = new Map<string, number>()
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  timing(metric: string, millis: number): void {
    this.#timers.set(metric, (this.#timers.get(metric) ?? 0) + millis)
  }

  increment(metric: string, value: number): void {
    this.#counters.set(metric, (this.#counters.get(metric) ?? 0) + value)
  }

  async flush(): Promise<void> {
    for (const [metric, value] of this.#timers) await this.#backend.timing(metric, value)
    for (const [metric, value] of this.#counters) await this.#backend.increment(metric, value)
    this.#timers.clear()
    this.#counters.clear()
  }
}
