import type { DeliveryCounts } from '../delivery-counts.ts'
import { reasonOf } from '../reason.ts'
import { settlesWithin } from '../settles-within.ts'
import type { ExportLane } from './export-lane.ts'
import type { RetryClock } from './retry.ts'

/** The least time between two attempts of one delivery: full jitter may leave none. */
const SHORTEST_BACKOFF_MILLIS = 10

/** The adapter whose deliveries are attempted. */
interface Deliverer {
  /** Whether it owes its exporter nothing, sealed or not. */
  isDone(): boolean
  isShutdown(): boolean
  /** Sends all there is; rejects when something must be sent again. */
  sendAll(): Promise<void>
}

/** Tries one delivery until it is done or its time is up. */
export class Attempts {
  readonly #lane: ExportLane
  readonly #retry: RetryClock
  readonly #counts: DeliveryCounts

  constructor(lane: ExportLane, retry: RetryClock, counts: DeliveryCounts) {
    this.#lane = lane
    this.#retry = retry
    this.#counts = counts
  }

  /**
   * Sends everything, again and again, with backoff in between, until it is done or another attempt would start only after
   * the deadline. At least once. Resolves to why something is undelivered.
   */
  async until(deadlineMillis: number, deliverer: Deliverer): Promise<string[]> {
    for (;;) {
      const attemptsBefore = this.#counts.attempts
      const wasBusy = this.#lane.isBusy
      try {
        await deliverer.sendAll()
        return []
      } catch (error) {
        // What failed before any call was made has no backoff, and would be tried without a pause.
        const isOfExport = wasBusy || this.#counts.attempts > attemptsBefore
        if (isOfExport && (await this.#mayTryAgain(deadlineMillis, deliverer))) continue
        // What was out may have come to a good end meanwhile.
        return deliverer.isDone() && !deliverer.isShutdown() ? [] : [reasonOf(error)]
      }
    }
  }

  /** Waits for the time of the next attempt; whether that is before the deadline and there is something left to send. */
  async #mayTryAgain(deadlineMillis: number, deliverer: Deliverer): Promise<boolean> {
    for (;;) {
      const leftMillis = deadlineMillis - performance.now()
      if (leftMillis <= 0 || deliverer.isShutdown() || deliverer.isDone()) return false
      if (this.#lane.isBusy) {
        await this.#lane.untilSettled(leftMillis)
        if (this.#lane.isBusy && performance.now() < deadlineMillis) return true
        continue
      }
      const backoffMillis = Math.max(SHORTEST_BACKOFF_MILLIS, this.#retry.remainingMillis)
      if (backoffMillis >= leftMillis) return false
      await pause(backoffMillis)
      return !deliverer.isShutdown()
    }
  }
}

async function pause(millis: number): Promise<void> {
  await settlesWithin(new Promise<never>(() => {}), millis)
}
