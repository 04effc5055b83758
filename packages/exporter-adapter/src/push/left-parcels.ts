import { diag } from '@opentelemetry/api'
import { reasonOf } from '../reason.ts'
import type { ClaimedEntry } from '../spool/claim.ts'
import type { Spool } from '../spool/spool.ts'
import { codeOf, SpoolError } from '../spool/spool-errors.ts'
import { decodeParcel, decodeProgress, encodeProgress, type ParcelRecord } from './parcel-record.ts'
import { CUMULATIVE, OPEN, PROGRESS, SEALED } from './parcel-slots.ts'

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

/** Takes over what processes that are gone have left in the spool, and reads it. */
export class LeftParcels {
  readonly #name: string
  readonly #withSpool: (work: (spool: Spool) => Promise<void>) => Promise<void>
  #nextClaimMillis = 0
  #unreadableFiles = 0
  /** Taken over and not read yet. */
  #claimed: ClaimedEntry[] = []

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
    if (!isTime && this.#claimed.length === 0) return { found, unreadable }
    await this.#withSpool(async (spool) => {
      if (isTime) {
        this.#claimed.push(...(await spool.claim()))
        this.#nextClaimMillis = performance.now() + CLAIM_EVERY_MILLIS
        for (; this.#unreadableFiles < spool.unreadableFiles; this.#unreadableFiles++) unreadable.push({ points: 1 })
      }
      for (const entry of inOrder(this.#claimed)) {
        const progress = entry.slot === SEALED ? this.#progressOf(entry) : undefined
        // What cannot be read just now stays claimed, and is tried again with the next delivery.
        const record = await this.#read(entry, decodeParcel)
        const progressed = progress && (await this.#read(progress, decodeProgress))
        if (record === undefined) {
          await entry.remove()
          unreadable.push({ points: entry.points })
        } else {
          // Without progress of its own it is sent again from the start, which is allowed and counted.
          const finished = progressed?.id === record.id ? progressed.finished : []
          found.push(this.#foundParcel(record, entry, progress, finished))
        }
        this.#claimed = this.#claimed.filter((other) => other !== entry && (record === undefined || other !== progress))
      }
      // Progress of what was delivered, which a crash has left.
      for (const entry of this.#claimed) await entry.remove()
      this.#claimed = []
    })
    return { found, unreadable }
  }

  /** What was taken over has been taken away again. */
  forget(): void {
    this.#claimed = []
  }

  #progressOf({ incarnation }: ClaimedEntry): ClaimedEntry | undefined {
    return this.#claimed.find((other) => other.slot === PROGRESS && other.incarnation === incarnation)
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

  #foundParcel(
    record: ParcelRecord,
    entry: ClaimedEntry,
    progress: ClaimedEntry | undefined,
    finished: readonly number[],
  ): FoundParcel {
    return {
      record,
      finished,
      progress: (now) =>
        this.#withSpool(async () => {
          await progress?.write(encodeProgress({ id: record.id, finished: now }), 0)
        }),
      remove: () =>
        this.#withSpool(async () => {
          await entry.remove()
          await progress?.remove()
        }),
    }
  }
}

/** Those of parcels: process by process, and each as it would have sent them. */
function inOrder(entries: readonly ClaimedEntry[]): ClaimedEntry[] {
  return entries
    .filter(({ slot }) => slot !== PROGRESS)
    .sort((a, b) =>
      a.incarnation === b.incarnation
        ? ORDER.indexOf(a.slot) - ORDER.indexOf(b.slot)
        : a.incarnation < b.incarnation
          ? -1
          : 1,
    )
}
