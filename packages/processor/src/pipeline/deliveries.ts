import { DeliverySchedule } from './delivery-schedule.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'
import { whileMoving } from './while-moving.ts'

/**
 * After how many export time-outs without any movement a delivery is no longer waited for. A push adapter may need three: a
 * delivery under way and then this one may each wait for a call that is out, and an exporter's own flush may take the third.
 */
const STALLED_TIMEOUTS = 4

/** What all adapters of one reader deliver, by interval and on demand, and how they end. */
export class Deliveries {
  readonly #adapters: readonly GuardedAdapter[]
  readonly #schedules: readonly DeliverySchedule[]
  readonly #exportTimeoutMillis: number

  constructor(adapters: readonly GuardedAdapter[], exportIntervalMillis: number, exportTimeoutMillis: number) {
    this.#adapters = adapters
    this.#exportTimeoutMillis = exportTimeoutMillis
    this.#schedules = adapters
      .filter(({ delivers }) => delivers)
      .map((adapter) => new DeliverySchedule(adapter, exportIntervalMillis))
  }

  /** The shortest interval of the adapters that deliver, in ms: the one that the reader turns at. */
  get tickMillis(): number | undefined {
    return this.#schedules.length === 0
      ? undefined
      : Math.min(...this.#schedules.map((schedule) => schedule.intervalMillis))
  }

  /** Starts what is due; to be called after a turn that a tick has started. */
  startDue(tickMillis: number): void {
    for (const schedule of this.#schedules) schedule.startIfDue(tickMillis / 2)
  }

  /**
   * Lets every adapter deliver. Never rejects: resolves to what went wrong, which is nothing when all is delivered.
   *
   * @param retryUntilMillis until when to try again what fails, in the time of `performance.now()`; without it every adapter
   * tries once, and one that no longer moves is not waited for
   */
  async all(retryUntilMillis?: number): Promise<unknown[]> {
    const deliveries = this.#schedules.map((schedule) => {
      const delivery = schedule.deliverNow(retryUntilMillis)
      if (retryUntilMillis !== undefined) return delivery
      return whileMoving(schedule.adapter, delivery, STALLED_TIMEOUTS * this.#timeoutOf(schedule.adapter))
    })
    return failuresOf(await Promise.allSettled(deliveries))
  }

  /**
   * Shuts every adapter down, each on its own: one that throws, rejects or hangs does not keep the others from it. Never
   * rejects: resolves to what went wrong.
   */
  async shutdown(timeoutMillis: number): Promise<unknown[]> {
    return failuresOf(await Promise.allSettled(this.#adapters.map((adapter) => adapter.shutdown(timeoutMillis))))
  }

  /** Lets every adapter that can make what it holds outlive the process. Never rejects: resolves to what went wrong. */
  async persist(): Promise<readonly string[]> {
    const results = await Promise.all(this.#adapters.map((adapter) => adapter.persist()))
    return results.filter((reason) => reason !== undefined)
  }

  /** The same, without giving way: for the end of a process. How many points are lost then, in words; `undefined` when none. */
  persistAtOnce(): string | undefined {
    return inWords(this.#adapters.map((adapter) => ({ name: adapter.name, points: adapter.persistAtOnce() })))
  }

  /** How many points the adapters that deliver hold, in words; `undefined` when none. */
  pending(): string | undefined {
    return inWords(
      this.#schedules.map(({ adapter }) => ({ name: adapter.name, points: adapter.stats().pendingPoints })),
    )
  }

  /** How many points were lost because they were still held at shutdown, in words; `undefined` when none. */
  lost(): string | undefined {
    return inWords(
      this.#adapters.map((adapter) => ({ name: adapter.name, points: adapter.stats().lostPoints.shutdown })),
    )
  }

  #timeoutOf({ exportTimeoutMillis }: GuardedAdapter): number {
    return exportTimeoutMillis ?? this.#exportTimeoutMillis
  }
}

function inWords(all: readonly { readonly name: string; readonly points: number }[]): string | undefined {
  const counts = all.filter(({ points }) => points > 0)
  if (counts.length === 0) return undefined
  const total = counts.reduce((sum, { points }) => sum + points, 0)
  return `${total} points (${counts.map(({ name, points }) => `${name}: ${points}`).join(', ')})`
}

function failuresOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
}
