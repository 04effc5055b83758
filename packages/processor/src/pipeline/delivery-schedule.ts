import { SharedRuns } from '../core/shared-runs.ts'
import { report } from '../series/report.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'

/** When one adapter delivers: at its interval, and when it is asked to; never twice at a time. */
export class DeliverySchedule {
  readonly adapter: GuardedAdapter
  readonly intervalMillis: number
  readonly #runs: SharedRuns<void>
  #forced = false
  /** Set by the last delivery there is, that of shutdown(). */
  #retryUntilMillis: number | undefined
  #lastDueMillis: number

  /** @param intervalMillis the reader's, for adapters that have none of their own */
  constructor(adapter: GuardedAdapter, intervalMillis: number) {
    this.adapter = adapter
    this.intervalMillis = adapter.exportIntervalMillis ?? intervalMillis
    this.#lastDueMillis = performance.now()
    this.#runs = new SharedRuns(async () => {
      const force = this.#forced
      const untilMillis = this.#retryUntilMillis
      this.#forced = false
      const retry = untilMillis !== undefined && { retryForMillis: Math.max(0, untilMillis - performance.now()) }
      await adapter.deliver({ force, ...retry })
    })
  }

  /**
   * Starts a delivery when the interval has passed and none is under way; a delivery that is late is not made up for,
   * because what it would have sent merges into the next one.
   *
   * @param toleranceMillis how much too early still counts as due: timers are not exact, and a turn must not miss by a ms
   * what the next turn would send a whole interval later
   */
  startIfDue(toleranceMillis: number): void {
    const nowMillis = performance.now()
    if (nowMillis - this.#lastDueMillis < this.intervalMillis - toleranceMillis) return
    this.#lastDueMillis = nowMillis
    if (this.#runs.busy) return
    // The adapter counts and reports its failures itself.
    this.#runs
      .request()
      .catch((error: unknown) => report('debug', `sluice: ${this.adapter.name} will deliver later:`, error))
  }

  /**
   * Delivers everything absorbed before the call, without regard to intervals. Rejects when something is undelivered.
   *
   * @param retryUntilMillis until when to try again what fails, in the time of `performance.now()`
   */
  deliverNow(retryUntilMillis?: number): Promise<void> {
    this.#forced = true
    this.#retryUntilMillis = retryUntilMillis ?? this.#retryUntilMillis
    return this.#runs.request()
  }
}
