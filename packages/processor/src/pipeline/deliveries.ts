import { DeliverySchedule, type Demand } from './delivery-schedule.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'

/** What all adapters of one reader deliver, by interval and on demand, and how they end. */
export class Deliveries {
  readonly #adapters: readonly GuardedAdapter[]
  readonly #schedules: readonly DeliverySchedule[]

  constructor(adapters: readonly GuardedAdapter[], exportIntervalMillis: number) {
    this.#adapters = adapters
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

  /** What is due at a tick: to be started after the turn that the tick starts. */
  takeDue(tickMillis: number): readonly DeliverySchedule[] {
    return this.#schedules.filter((schedule) => schedule.takeDue(tickMillis / 2))
  }

  /** Lets every adapter deliver. Never rejects: resolves to what went wrong, which is nothing when all is delivered. */
  async all(demand: Demand): Promise<unknown[]> {
    return failuresOf(await Promise.allSettled(this.#schedules.map((schedule) => schedule.deliverNow(demand))))
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
