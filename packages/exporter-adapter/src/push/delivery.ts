import type { Batch } from './batch.ts'
import type { ExportCall, ExportCalls } from './export-calls.ts'
import type { HeldParcels } from './held-parcels.ts'
import { isRetryable } from './outcome.ts'
import type { Backoff } from './retry.ts'

/** The least time between two attempts of one shutdown, in ms: full jitter may leave none. */
const SHORTEST_BACKOFF_MILLIS = 10

/** How long before the deadline of a shutdown the last attempt starts, as a share of its time: it wants to be answered. */
const SHARE_OF_LAST_ATTEMPT = 0.1

/**
 * After how many single points in a row that are too large the receiver is taken to refuse whatever it gets: to find that of every
 * point takes two calls for each.
 */
export const MOST_HOPELESS = 8

/** What a {@link Delivery} asks of its adapter. */
interface Sender {
  /** Seals what is open if there is room for it, and captures the cumulative points. */
  seal(isLast: boolean): Promise<void>
  /** Most points of a batch. */
  batchSize(): number
  /** Whether there is anything that was not in a sealed parcel yet. */
  hasUnsealed(): boolean
  /** The number of batches that the unsealed points would make: an estimate, that shares of the time-out are reckoned by. */
  unsealedBatches(): number
  /**
   * Starts an Export call with these batches, unless they need none any more.
   *
   * @throws Error once the adapter is shut down
   */
  send(batches: readonly Batch[]): Promise<ExportCall | undefined>
  /** To be called when batches may have been finished. */
  writeDown(): Promise<void>
  /** Whether nothing is owed any more, sealed or not. */
  isDone(): boolean
}

/**
 * Decides which batches the exporter is given, in which order, and when.
 *
 * 1. What is known not to have arrived goes first, oldest first, at every interval in which something was recorded, whatever the
 *    backoff. So a receiver that is well again has all of it before the next interval.
 * 2. The calls of one interval follow each other as they are answered. They have one time-out together; one that takes more
 *    than its share of it has the next one start beside it. So all of it is sent within one time-out, and nothing of the
 *    next interval waits for it: `PeriodicExportingMetricReader` sends at the same moments.
 * 3. What may have arrived goes last, each batch after a backoff of its own, and only once its call has settled or was given
 *    up, or when no more than one time-out is left before the end. It holds up nothing.
 * 4. A delivery stops where the receiver turns it away, or whatever it is sent.
 */
export class Delivery {
  readonly #calls: ExportCalls
  readonly #held: HeldParcels
  readonly #backoff: Backoff
  readonly #sender: Sender
  #isResending = false
  #idleUntilMillis = Number.NEGATIVE_INFINITY
  /** The number of the last call before the latest interval's: what was sent since has been tried by it. */
  #callBefore = 0

  constructor(calls: ExportCalls, held: HeldParcels, backoff: Backoff, sender: Sender) {
    this.#calls = calls
    this.#held = held
    this.#backoff = backoff
    this.#sender = sender
  }

  /**
   * Sends what has not arrived; then, without waiting for it, what may have, as far as it is due.
   *
   * @param windowMillis how long to wait for its calls in all
   * @param isForced whether the caller is in `forceFlush()` or `shutdown()`
   */
  async interval(windowMillis: number, isForced: boolean): Promise<void> {
    if (!isForced && this.#isIdleInOutage()) return
    this.#callBefore = this.#calls.started
    const calls = await this.#sendUntried(windowMillis, isForced, false)
    const { failuresInARow } = this.#calls
    if (failuresInARow > 0) this.#idleUntilMillis = performance.now() + this.#backoff.millisAfter(failuresInARow)
    const areAnswered = calls.every(({ outcome }) => outcome !== undefined && !isRetryable(outcome))
    // One that rejects one thing may take another; one that rejects all would reject what is held as well.
    const isReceiverWell = calls.length === 0 || calls.some(({ outcome }) => outcome?.type === 'delivered')
    if (!areAnswered || !isReceiverWell || this.#isResending) return
    this.#isResending = true
    this.#resend(this.#calls.timeoutMillis, isDue, false)
      .catch(() => {}) // Shut down meanwhile: what is left is counted there.
      .finally(() => {
        this.#isResending = false
      })
  }

  /**
   * Whether nothing was recorded since the last attempt, which has failed, and its backoff is not over: exporters that retry by
   * themselves would keep a process alive that has nothing else to do. Cumulative points go at every interval.
   */
  #isIdleInOutage(): boolean {
    if (this.#calls.failuresInARow === 0 || performance.now() >= this.#idleUntilMillis) return false
    return !this.#sender.hasUnsealed() && this.#held.cumulative.length === 0
  }

  /** What `forceFlush()` does beyond an interval: sends what may have arrived once, and waits for what is out. */
  async flush(windowMillis: number): Promise<void> {
    const endMillis = performance.now() + windowMillis
    await this.#resend(windowMillis, this.#isOfBefore)
    await this.#untilQuiet(endMillis)
  }

  /**
   * What `shutdown()` does beyond an interval.
   *
   * @param endMillis when it has to be over, in the time of `performance.now()`
   * @param retries whether to try again what fails, with backoff, as long as an attempt starts before the end
   * @param isBeside whether an interval's calls are still waited for, so that the last points have not been sent
   */
  async last(endMillis: number, retries: boolean, isBeside: boolean): Promise<void> {
    const lastTimeoutMillis = retries ? endMillis - this.#calls.timeoutMillis : performance.now()
    await Promise.all([
      isBeside && this.#sendBeside(endMillis),
      this.#repeatOverdue(lastTimeoutMillis),
      this.#tryAgain(endMillis, retries),
    ])
    await this.#untilQuiet(endMillis)
  }

  /** Rules 1, 2 and 4. Resolves to the calls, which may be out. */
  async #sendUntried(windowMillis: number, isForced: boolean, isLast: boolean): Promise<readonly ExportCall[]> {
    const startedMillis = performance.now()
    const callBefore = this.#calls.started
    const hopelessBefore = this.#calls.hopelessInARow
    const calls: ExportCall[] = []
    const waitFor = async (isEnough: () => boolean, shareMillis: number): Promise<void> => {
      await this.#calls.changed.until(isEnough, startedMillis + shareMillis - performance.now())
      await this.#sender.writeDown()
    }
    for (let isSealed = false; ; ) {
      // Sealing captures newer cumulative points, which replace those that are held: only deltas are sent before it.
      const all = isSealed ? this.#held.untried() : this.#held.untriedDelta()
      const untried = all.filter(({ lastCall }) => lastCall <= callBefore)
      const [batch, next] = untried
      if (batch === undefined) {
        // Cumulative points are sent at every interval, and once more before the end only if they have not arrived.
        if (isSealed || (isLast && !this.#sender.hasUnsealed() && this.#held.untried().length === 0)) break
        await this.#sender.seal(isLast)
        isSealed = true
        continue
      }
      if (this.#calls.isFull && !isForced) break
      const left = untried.length + (isSealed ? 0 : this.#sender.unsealedBatches())
      const isPair = this.#held.goTogether(batch, next, this.#sender.batchSize())
      const call = await this.#sender.send(isPair ? [batch, next!] : [batch])
      if (call === undefined) continue
      calls.push(call)
      const shareMillis = (windowMillis * calls.length) / (calls.length + left - (isPair ? 2 : 1))
      await waitFor(() => call.outcome !== undefined, shareMillis)
      if (isBusy(call)) {
        const endMillis = isLast ? startedMillis + windowMillis : performance.now() + this.#calls.timeoutMillis
        if (!(await this.#isAnyAnsweredBy(endMillis))) break
        // It goes on where it was: the last of many batches would never have their turn else.
        for (const each of call.batches) each.lastCall = 0
        continue
      }
      if (call.outcome?.type === 'undelivered' || this.#calls.hopelessInARow >= hopelessBefore + MOST_HOPELESS) break
    }
    await waitFor(() => calls.every(({ outcome }) => outcome !== undefined), windowMillis)
    return calls
  }

  /** Sends what may have arrived, one batch after the other, until the receiver does not answer or turns one away. */
  async #resend(windowMillis: number, isWanted: (batch: Batch) => boolean, isForced = true): Promise<void> {
    const endMillis = performance.now() + windowMillis
    const seen = new Set<Batch>()
    for (;;) {
      const batch = this.#held.unknown().find((each) => isWanted(each) && !seen.has(each))
      if (batch === undefined || (this.#calls.isFull && !isForced)) return
      seen.add(batch)
      const call = await this.#sender.send([batch])
      if (call === undefined) continue
      const left = endMillis - performance.now()
      const isAnswered = await this.#calls.changed.until(() => call.outcome !== undefined, left)
      await this.#sender.writeDown()
      if (!isAnswered || call.outcome?.type === 'undelivered') return
    }
  }

  /** Whether one of the calls that are out is answered in time. */
  #isAnyAnsweredBy(endMillis: number): Promise<boolean> {
    const out = [...this.#calls.out]
    if (out.length === 0) return Promise.resolve(false)
    const isAnswered = (): boolean => out.some(({ outcome }) => outcome !== undefined)
    return this.#calls.changed.until(isAnswered, endMillis - performance.now())
  }

  readonly #isOfBefore = (batch: Batch): boolean => batch.lastCall <= this.#callBefore

  /**
   * Sends the last points beside calls that are within their time-out, because the end comes before that is over. When one of
   * those is answered after all, they go once more: the receiver may be another one by then.
   */
  async #sendBeside(endMillis: number): Promise<void> {
    const awaited = [...this.#calls.out]
    const calls = await this.#sendUntried(0, true, true)
    const left = endMillis - performance.now()
    if (!(await this.#calls.changed.until(() => awaited.some(({ outcome }) => outcome !== undefined), left))) return
    await this.#repeat(calls.flatMap(({ batches }) => batches).filter(({ state }) => state === 'sent'))
  }

  /** Sends again what is in calls that are over their time-out, once no more than one time-out is left. */
  async #repeatOverdue(fromMillis: number): Promise<void> {
    if (await this.#calls.changed.until(() => this.#sender.isDone(), fromMillis - performance.now())) return
    const overdue = new Set([...this.#calls.out].flatMap((call) => (call.isOverdue ? call.batches : [])))
    await this.#repeat(this.#held.sent().filter((batch) => overdue.has(batch)))
  }

  async #repeat(batches: readonly Batch[]): Promise<void> {
    for (const batch of batches) {
      if (batch.isFinished) continue
      batch.markUnknown()
      await this.#sender.send([batch])
    }
  }

  /**
   * An attempt at least every time-out, whatever the backoff, and the last one just before the end. What may have arrived goes at
   * the first and the last one, and in between only when its own backoff is over: each time may be a duplicate.
   */
  async #tryAgain(endMillis: number, retries: boolean): Promise<void> {
    const left = (): number => endMillis - performance.now()
    const hasWork = (): boolean =>
      this.#sender.hasUnsealed() || this.#held.untried().length + this.#held.unknown().length > 0
    const { timeoutMillis, changed } = this.#calls
    const lastMillis = endMillis - left() * SHARE_OF_LAST_ATTEMPT
    await this.#resend(Math.min(timeoutMillis, left()), this.#isOfBefore)
    for (let startedMillis = performance.now(); ; ) {
      if (!retries) return
      await changed.until(() => hasWork() || this.#sender.isDone(), left())
      if (!hasWork()) return
      const nowMillis = performance.now()
      const backoffMillis = this.#backoff.millisAfter(Math.max(1, this.#calls.failuresInARow))
      const nextMillis = Math.min(nowMillis + backoffMillis, startedMillis + timeoutMillis, lastMillis)
      const pauseMillis = Math.max(SHORTEST_BACKOFF_MILLIS, nextMillis - nowMillis)
      if (nowMillis >= lastMillis || pauseMillis >= left()) return
      if (await changed.until(() => this.#sender.isDone(), pauseMillis)) return
      startedMillis = performance.now()
      await this.#sendUntried(Math.min(timeoutMillis, left()), true, true)
      const isLastAttempt = startedMillis >= lastMillis
      await this.#resend(Math.min(timeoutMillis, left()), isLastAttempt ? () => true : isDue)
    }
  }

  async #untilQuiet(endMillis: number): Promise<void> {
    const isQuiet = (): boolean => this.#sender.isDone() || this.#held.sent().length === 0
    await this.#calls.changed.until(isQuiet, endMillis - performance.now())
    await this.#sender.writeDown()
  }
}

function isDue({ notBeforeMillis }: Batch): boolean {
  return notBeforeMillis <= performance.now()
}

function isBusy({ outcome }: ExportCall): boolean {
  return outcome !== undefined && outcome.type !== 'delivered' && outcome.isBusy === true
}
