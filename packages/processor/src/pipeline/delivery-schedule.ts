import { TIMED_OUT, within } from '../core/deadline.ts'
import { SharedRuns } from '../core/shared-runs.ts'
import { report } from '../series/report.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'

/** Who waits for a delivery, and until when. */
export interface Demand {
  /** In the time of `performance.now()`. */
  readonly deadlineMillis: number
  /** Whether it is the last one, that of `shutdown()`. */
  readonly isLast: boolean
  /** Whether to try again until the deadline what fails. */
  readonly retries: boolean
  /** Another turn, for a delivery that had to wait: what was recorded meanwhile goes out with it. */
  turn(): Promise<unknown>
}

/** What is asked of one delivery. */
interface Run {
  /** Nobody but the interval has asked for it while there is none. */
  demand: Demand | undefined
  /** Whether another one was under way when it was first asked for. */
  hasToWait: boolean
  hasBegun: boolean
}

/**
 * How much of the time of a `shutdown()` with a deadline a delivery may use that was under way before: it would not send what
 * came since it began.
 */
const SHARE_OF_EARLIER_DELIVERY = 0.9

/** When one adapter delivers: at its interval, and when it is asked to; never twice at a time. */
export class DeliverySchedule {
  readonly adapter: GuardedAdapter
  readonly intervalMillis: number
  readonly #runs: SharedRuns<void>
  /** What is asked of the next delivery, while it has not begun. */
  #next = newRun()
  #lastDueMillis: number

  /** @param intervalMillis the reader's, for adapters that have none of their own */
  constructor(adapter: GuardedAdapter, intervalMillis: number) {
    this.adapter = adapter
    this.intervalMillis = adapter.exportIntervalMillis ?? intervalMillis
    this.#lastDueMillis = performance.now()
    this.#runs = new SharedRuns(() => {
      const run = this.#next
      run.hasBegun = true
      this.#next = newRun()
      return this.#deliver(run)
    })
  }

  /**
   * Whether the interval has passed and no delivery is under way; a delivery that is late is not made up for, because what
   * it would have sent merges into the next one. Once for each interval.
   *
   * @param toleranceMillis how much too early still counts as due: timers are not exact, and a turn must not miss by a ms
   * what the next turn would send a whole interval later
   */
  takeDue(toleranceMillis: number): boolean {
    const nowMillis = performance.now()
    if (nowMillis - this.#lastDueMillis < this.intervalMillis - toleranceMillis) return false
    this.#lastDueMillis = nowMillis
    return !this.#runs.busy
  }

  /** Delivers as an interval does. */
  start(): void {
    // The adapter counts and reports its failures itself.
    this.#runs
      .request()
      .catch((error: unknown) => report('debug', `sluice: ${this.adapter.name} will deliver later:`, error))
  }

  /**
   * Delivers everything absorbed before the call, without regard to intervals. Rejects when something is undelivered, or not
   * settled at the deadline.
   */
  async deliverNow(demand: Demand): Promise<void> {
    const { deadlineMillis, isLast, retries } = demand
    const leftMillis = (): number => Math.max(0, deadlineMillis - performance.now())
    const run = this.#next
    // A shutdown asks for more than a flush.
    if (run.demand === undefined) run.hasToWait = this.#runs.busy
    if (run.demand?.isLast !== true) run.demand = demand
    const delivery = this.#runs.request()
    const { adapter } = this
    if (!adapter.flushes) {
      if ((await within(delivery, leftMillis())) === TIMED_OUT) throw new Error(`${adapter.name}: not done in time`)
      return
    }
    const waitMillis = leftMillis() * (isLast && retries ? SHARE_OF_EARLIER_DELIVERY : 1)
    // What is undelivered after the flush is what counts.
    await within(
      delivery.catch(() => {}),
      waitMillis,
    )
    await adapter.flush({ timeoutMillis: leftMillis(), isLast, retries, isBeside: !run.hasBegun })
  }

  async #deliver({ demand, hasToWait }: Run): Promise<void> {
    const { adapter } = this
    if (demand === undefined) return adapter.deliver({ force: false })
    const leftMillis = (): number => Math.max(0, demand.deadlineMillis - performance.now())
    if (hasToWait) await within(demand.turn(), leftMillis() / 2).catch(() => {})
    await adapter.deliver({ force: true, ...(demand.retries && { retryForMillis: leftMillis() }) })
  }
}

function newRun(): Run {
  return { demand: undefined, hasToWait: false, hasBegun: false }
}
