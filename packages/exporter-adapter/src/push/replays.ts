import type { AttachedReader } from '@otel-sluice/processor'
import type { DeliveryCounts } from '../delivery-counts.ts'
import { type BatchSender, finishedOf } from './batch-sender.ts'
import { type Batch, ReplayedParcel } from './parcel.ts'
import type { ParcelSpool } from './parcel-spool.ts'

/** What processes that are gone have left in the spool: sent before anything of ours, oldest first. */
export class Replays {
  readonly #spool: ParcelSpool
  readonly #counts: DeliveryCounts
  #parcels: readonly ReplayedParcel[] = []

  constructor(spool: ParcelSpool, counts: DeliveryCounts) {
    this.#spool = spool
    this.#counts = counts
  }

  get count(): number {
    return this.#parcels.length
  }

  get pendingPoints(): number {
    return this.#parcels.reduce((points, parcel) => points + parcel.pendingPoints, 0)
  }

  get batches(): readonly Batch[] {
    return this.#parcels.flatMap((parcel) => parcel.batches)
  }

  /** Looks for them now and then, and sends what there is. @throws Error when something has to be sent again */
  async send(sender: BatchSender, reader: AttachedReader): Promise<void> {
    const { found, unreadable } = await this.#spool.find()
    for (const { points } of unreadable) {
      this.#counts.offeredPoints += points
      this.#counts.lostPoints['spool-unreadable'] += points
    }
    const replays = found.map((parcel) => new ReplayedParcel(parcel))
    for (const { pendingPoints } of replays) this.#counts.offeredPoints += pendingPoints
    this.#parcels = [...this.#parcels, ...replays]
    for (const parcel of this.#parcels) {
      await sender.send(parcel.batches, reader, (finished) => parcel.found.progress(finished))
      await parcel.found.remove()
      this.#parcels = this.#parcels.filter((other) => other !== parcel)
    }
  }

  /** What has come to a good end since it was waited for: nobody needs to send it again. */
  async writeDown(): Promise<void> {
    for (const { batches, found } of this.#parcels) {
      const finished = finishedOf(batches)
      if (finished.length === batches.length) await found.remove()
      else if (finished.length > 0) await found.progress(finished)
    }
  }

  /** They are for the next process to send. */
  forget(): void {
    this.#parcels = []
  }
}
