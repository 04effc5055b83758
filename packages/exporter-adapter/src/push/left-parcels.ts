import { diag } from '@opentelemetry/api'
import { reasonOf } from '../reason.ts'
import type { ClaimedEntry } from '../spool/claim.ts'
import type { Spool } from '../spool/spool.ts'
import { codeOf, SpoolError } from '../spool/spool-errors.ts'
import { decodeParcel, decodeProgress, encodeProgress, type ParcelRecord } from './parcel-record.ts'
import { CUMULATIVE, OPEN, PROGRESS, REPLAYED, SEALED } from './parcel-slots.ts'

/** How long to leave what other processes may have left behind alone, in ms. */
const CLAIM_EVERY_MILLIS = 60_000

/** In what order the parcels of one process are sent again: as it would have sent them. */
const ORDER = [SEALED, OPEN, CUMULATIVE]

/** A parcel of a process that is gone, to be sent before anything of ours. */
export interface FoundParcel {
  readonly record: ParcelRecord
  /** Which of its batches had been delivered. */
  readonly finished: readonly number[]
  /** Remembers how far it has got. */
  progress(finished: readonly number[]): Promise<void>
  /** It is all delivered. */
  remove(): Promise<void>
}

/** What could not be read: nobody can say more than how many points were in it. */
export interface UnreadableParcel {
  readonly points: number
}

/** What processes that are gone have left. */
export interface Left {
  readonly found: readonly FoundParcel[]
  readonly unreadable: readonly UnreadableParcel[]
}

/**
 * Takes over what processes that are gone have left in the spool, and reads it. How far it has got with one of their parcels
 * lies in a slot of its own: they are sent one after the other, so one suffices.
 */
export class LeftParcels {
  readonly #name: string
  readonly #withSpool: (work: (spool: Spool) => Promise<void>) => Promise<void>
  #nextClaimMillis = 0
  #unreadableFiles = 0
  /** Parcels that were taken over and not read yet. */
  #claimed: ClaimedEntry[] = []
  /** What says which batches of the parcels had been delivered; needed as long as one of them is there. */
  #progress: ClaimedEntry[] = []
  /** How many parcels were found and are not delivered. */
  #undelivered = 0
  /** Parcels that are delivered and could not be removed yet. */
  #delivered: ClaimedEntry[] = []

  /** @param withSpool runs one thing after the other, and never rejects */
  constructor(name: string, withSpool: (work: (spool: Spool) => Promise<void>) => Promise<void>) {
    this.#name = name
    this.#withSpool = withSpool
  }

  /** Parcels of processes that are gone, oldest first; looked for now and then. */
  async find(): Promise<Left> {
    const found: FoundParcel[] = []
    const unreadable: UnreadableParcel[] = []
    const isTime = performance.now() >= this.#nextClaimMillis
    if (!isTime && this.#claimed.length === 0 && this.#delivered.length === 0) return { found, unreadable }
    await this.#withSpool(async (spool) => {
      if (isTime) {
        for (const entry of await spool.claim()) (isProgress(entry) ? this.#progress : this.#claimed).push(entry)
        this.#nextClaimMillis = performance.now() + CLAIM_EVERY_MILLIS
        for (; this.#unreadableFiles < spool.unreadableFiles; this.#unreadableFiles++) unreadable.push({ points: 1 })
      }
      const finished = await this.#finishedBatches()
      for (const entry of inOrder(this.#claimed)) {
        // What cannot be read just now stays claimed, and is tried again with the next delivery.
        const record = await this.#read(entry, decodeParcel)
        if (record === undefined) {
          await entry.remove()
          unreadable.push({ points: entry.points })
        } else {
          found.push(this.#foundParcel(record, entry, finished.get(record.id) ?? []))
          this.#undelivered++
        }
        this.#claimed = this.#claimed.filter((other) => other !== entry)
      }
      await this.#tidyUp(spool)
    })
    return { found, unreadable }
  }

  /** What was taken over has been taken away again. */
  forget(): void {
    this.#claimed = []
    this.#progress = []
    this.#delivered = []
  }

  /** By the parcel. One without progress is sent again from the start, which is allowed and counted. */
  async #finishedBatches(): Promise<Map<string, readonly number[]>> {
    const finished = new Map<string, readonly number[]>()
    for (const entry of this.#progress) {
      const progress = await this.#read(entry, decodeProgress)
      // Of what one process has begun and another went on with there is progress of both.
      if (progress !== undefined) {
        finished.set(progress.id, [...new Set([...(finished.get(progress.id) ?? []), ...progress.finished])])
      }
    }
    return finished
  }

  /** Removes what is delivered, and progress once it says nothing any more. */
  async #tidyUp(spool: Spool): Promise<void> {
    for (const entry of [...this.#delivered]) {
      await entry.remove()
      this.#delivered = this.#delivered.filter((other) => other !== entry)
    }
    if (this.#undelivered > 0 || this.#claimed.length > 0) return
    for (const entry of this.#progress) await entry.remove()
    this.#progress = []
    await spool.remove(REPLAYED)
  }

  /** `undefined` where it never will be readable. */
  async #read<T>(entry: ClaimedEntry, decode: (bytes: Uint8Array) => T): Promise<T | undefined> {
    try {
      const bytes = await entry.read()
      try {
        return decode(bytes)
      } catch (error) {
        throw new SpoolError('read', entry.slot, reasonOf(error), { code: 'UNREADABLE' })
      }
    } catch (error) {
      if (codeOf(error) !== 'UNREADABLE') throw error
      diag.error(`sluice: ${this.#name}: a parcel in the spool could not be read and is dropped: ${reasonOf(error)}`)
      return undefined
    }
  }

  #foundParcel(record: ParcelRecord, entry: ClaimedEntry, finished: readonly number[]): FoundParcel {
    return {
      record,
      finished,
      progress: (now) =>
        this.#withSpool((spool) => spool.write(REPLAYED, encodeProgress({ id: record.id, finished: now }), 0)),
      remove: () => {
        this.#undelivered--
        this.#delivered.push(entry)
        return this.#withSpool((spool) => this.#tidyUp(spool))
      },
    }
  }
}

function isProgress({ slot }: ClaimedEntry): boolean {
  return slot === PROGRESS || slot === REPLAYED
}

/** Process by process, and each as it would have sent them. */
function inOrder(entries: readonly ClaimedEntry[]): ClaimedEntry[] {
  return [...entries].sort((a, b) =>
    a.incarnation === b.incarnation
      ? ORDER.indexOf(a.slot) - ORDER.indexOf(b.slot)
      : a.incarnation < b.incarnation
        ? -1
        : 1,
  )
}
