import type { AttachedReader } from '@otel-sluice/processor'
import type { DeliveryCounts } from '../delivery-counts.ts'
import { reasonOf } from '../reason.ts'
import { codeOf } from '../spool/spool-errors.ts'
import { type BatchSender, finishedOf } from './batch-sender.ts'
import type { Batch } from './parcel.ts'
import type { ParcelSpool } from './parcel-spool.ts'
import { ReplayedParcel } from './replayed-parcel.ts'

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
    // What cannot be read just now keeps only what the same process left after it.
    const waiting = new Set<string>()
    for (const parcel of this.#parcels) {
      const { incarnation } = parcel.found
      if (waiting.has(incarnation)) continue
      if (await this.#sendOne(parcel, sender, reader)) this.#parcels = this.#parcels.filter((other) => other !== parcel)
      else waiting.add(incarnation)
    }
  }

  /** Whether it is done with. */
  async #sendOne(parcel: ReplayedParcel, sender: BatchSender, reader: AttachedReader): Promise<boolean> {
    const { batches, found } = parcel
    try {
      sender.check()
      if (parcel.pendingPoints > 0) {
        if (!(await parcel.load())) return false
        await sender.send(batches, reader, (finished) => found.progress(finished))
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

  /** What has come to a good end since it was waited for: nobody needs to send it again. */
  async writeDown(): Promise<void> {
    for (const { batches, found } of this.#parcels) {
      const finished = finishedOf(batches)
      if (finished.length === batches.length) await found.remove()
      else if (finished.length > found.finished.length) await found.progress(finished)
    }
  }

  /** They are for the next process to send. */
  forget(): void {
    this.#parcels = []
  }
}
