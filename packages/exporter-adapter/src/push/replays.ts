import type { DeliveryCounts } from '../delivery-counts.ts'
import { reasonOf } from '../reason.ts'
import { settlesWithin } from '../settles-within.ts'
import { codeOf } from '../spool/spool-errors.ts'
import type { Batch } from './batch.ts'
import { MOST_HOPELESS } from './delivery.ts'
import type { ExportCall, ExportCalls } from './export-calls.ts'
import { isRetryable } from './outcome.ts'
import type { ParcelSpool } from './parcel-spool.ts'
import { progressOf } from './progress.ts'
import { ReplayedParcel } from './replayed-parcel.ts'
import type { Backoff } from './retry.ts'

/**
 * What processes that are gone have left in the spool: sent before anything of ours, oldest first, but never so that ours
 * would wait for it for long.
 */
export class Replays {
  readonly #spool: ParcelSpool
  readonly #counts: DeliveryCounts
  readonly #calls: ExportCalls
  readonly #backoff: Backoff
  readonly #sendBatch: (batch: Batch) => Promise<ExportCall | undefined>
  #parcels: readonly ReplayedParcel[] = []
  #sending: Promise<void> | undefined
  #failuresInARow = 0
  #notBeforeMillis = Number.NEGATIVE_INFINITY

  constructor(
    spool: ParcelSpool,
    counts: DeliveryCounts,
    calls: ExportCalls,
    backoff: Backoff,
    sendBatch: (batch: Batch) => Promise<ExportCall | undefined>,
  ) {
    this.#spool = spool
    this.#counts = counts
    this.#calls = calls
    this.#backoff = backoff
    this.#sendBatch = sendBatch
  }

  get count(): number {
    return this.#parcels.length
  }

  get pendingPoints(): number {
    return this.#parcels.reduce((points, parcel) => points + parcel.pendingPoints, 0)
  }

  get isSending(): boolean {
    return this.#sending !== undefined
  }

  /** Whether an export was what went wrong, and not the disk. */
  get hasFailed(): boolean {
    return this.#failuresInARow > 0
  }

  /**
   * Looks for them now and then, and sends what there is, unless that goes on already. Never rejects.
   *
   * @param isForced whether to send also before the backoff is over
   * @param windowMillis how long to wait for it; it goes on afterwards
   */
  async send(isForced: boolean, windowMillis: number): Promise<void> {
    if (this.#sending === undefined) {
      if (!isForced && performance.now() < this.#notBeforeMillis) return
      this.#sending = this.#sendAll()
        .then(
          () => {
            this.#failuresInARow = 0
          },
          () => {
            this.#failuresInARow++
            this.#notBeforeMillis = performance.now() + this.#backoff.millisAfter(this.#failuresInARow)
          },
        )
        .finally(() => {
          this.#sending = undefined
        })
    }
    await settlesWithin(this.#sending, windowMillis)
  }

  /** What has come to a good end since it was waited for: nobody needs to send it again. */
  async writeDown(): Promise<void> {
    for (const { batches, found } of this.#parcels) {
      const progress = progressOf(batches)
      if (progress.finished.length === batches.length) await found.remove()
      else if (progress.finished.length > found.delivered.finished.length) await found.progress(progress)
    }
  }

  /** They are for the next process to send. */
  forget(): void {
    for (const parcel of this.#parcels) parcel.lose()
    this.#parcels = []
  }

  /** @throws Error when something has to be sent again */
  async #sendAll(): Promise<void> {
    const { found, unreadable } = await this.#spool.find()
    for (const { points } of unreadable) {
      this.#counts.offeredPoints += points
      this.#counts.lostPoints['spool-unreadable'] += points
    }
    const replays = found.map((parcel) => new ReplayedParcel(parcel))
    for (const { pendingPoints } of replays) this.#counts.offeredPoints += pendingPoints
    this.#parcels = [...this.#parcels, ...replays]
    // What cannot be read just now keeps only what the same process left after it.
    const waiting = new Set<string>()
    for (const parcel of leastTriedFirst(this.#parcels, ({ batches }) => batches)) {
      const { incarnation } = parcel.found
      if (waiting.has(incarnation)) continue
      if (await this.#sendOne(parcel)) this.#parcels = this.#parcels.filter((other) => other !== parcel)
      else waiting.add(incarnation)
    }
  }

  /** Whether it is done with. */
  async #sendOne(parcel: ReplayedParcel): Promise<boolean> {
    const { found } = parcel
    try {
      if (parcel.pendingPoints > 0) {
        if (!(await parcel.load())) return false
        await this.#sendBatches(parcel)
      }
      await found.remove()
    } catch (error) {
      if (codeOf(error) !== 'UNREADABLE') throw error
      this.#counts.lostPoints['spool-unreadable'] += parcel.lose()
      await found.setAside(reasonOf(error))
    } finally {
      parcel.unload()
    }
    return true
  }

  async #sendBatches({ batches, found }: ReplayedParcel): Promise<void> {
    const hopelessBefore = this.#calls.hopelessInARow
    for (;;) {
      const [batch] = leastTriedFirst(
        batches.filter(({ isFinished }) => !isFinished),
        (each) => [each],
      )
      if (batch === undefined) return
      if (batch.state === 'sent') throw new Error('an export of what processes before have left has not called back')
      const call = await this.#sendBatch(batch)
      if (call === undefined) continue
      await this.#calls.changed.until(() => call.outcome !== undefined, this.#calls.timeoutMillis)
      if (call.outcome === undefined || isRetryable(call.outcome)) throw new Error('it has to be sent again')
      const progress = progressOf(batches)
      if (progress.finished.length < batches.length) await found.progress(progress)
      if (this.#calls.hopelessInARow >= hopelessBefore + MOST_HOPELESS)
        throw new Error('the receiver finds whatever it is sent too large')
    }
  }
}

/** What the receiver never answers, whatever it takes otherwise, keeps nothing else waiting. Else they stay as they are: oldest first. */
function leastTriedFirst<T>(all: readonly T[], batchesOf: (each: T) => readonly Batch[]): readonly T[] {
  const tries = ({ state, unknownOutcomes }: Batch): number => (state === 'sent' ? Number.MAX_VALUE : unknownOutcomes)
  const most = (each: T): number => Math.max(0, ...batchesOf(each).map(tries))
  return [...all].sort((a, b) => most(a) - most(b))
}
