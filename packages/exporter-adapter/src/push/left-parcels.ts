import { report } from '@otel-sluice/processor'
import { reasonOf } from '../reason.ts'
import type { ClaimedEntry, UnreadableFile } from '../spool/claim.ts'
import type { Spool } from '../spool/spool.ts'
import { codeOf, SpoolError } from '../spool/spool-errors.ts'
import { sizesOf } from './parcel.ts'
import {
  decodeOutline,
  decodeParcel,
  decodeProgress,
  encodeProgress,
  type ParcelOutline,
  type ParcelRecord,
} from './parcel-record.ts'
import { compareSlots, isProgressSlot, REPLAYED } from './parcel-slots.ts'
import { joined, type Progress } from './progress.ts'

/** How long to leave what other processes may have left behind alone, in ms. */
const CLAIM_EVERY_MILLIS = 60_000

/** A parcel of a process that is gone, to be sent before anything of ours. It stays on disk. */
export interface FoundParcel extends ParcelOutline {
  /** Whose it is; what one process has left is sent in its order. */
  readonly incarnation: string
  /** How it is cut into batches, and which of them had been delivered. */
  readonly delivered: Progress
  /**
   * All of it; `undefined` where it cannot be read just now.
   *
   * @throws SpoolError `UNREADABLE` where it never can
   */
  read(): Promise<ParcelRecord | undefined>
  /** Remembers how far it has got. */
  progress(now: Progress): Promise<void>
  /** It is all delivered. */
  remove(): Promise<void>
  /** It never will be. */
  setAside(reason: string): Promise<void>
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
 * Takes over what processes that are gone have left in the spool, and finds out what it is. How far it has got with one of
 * their parcels lies in a slot of its own: they are sent one after the other, so one suffices.
 */
export class LeftParcels {
  readonly #name: string
  readonly #withSpool: (work: (spool: Spool) => Promise<void>) => Promise<void>
  #nextClaimMillis = 0
  /** How many files that the spool has set aside are counted, and how many newer ones were said. */
  #countedFiles = 0
  #saidNewerFiles = 0
  /** Parcels that were taken over and not looked at yet. */
  #claimed: ClaimedEntry[] = []
  /** What says which batches of the parcels had been delivered; needed as long as one of them is there. */
  #progress: ClaimedEntry[] = []
  /** Parcels that were found and are neither delivered nor given up. */
  readonly #undelivered = new Set<ClaimedEntry>()
  /** Parcels that are delivered and could not be removed yet. */
  #delivered: ClaimedEntry[] = []
  /** What never will be readable, and could not be set aside yet. */
  #unreadable: { readonly entry: ClaimedEntry; readonly reason: string }[] = []

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
    const isTidy = this.#claimed.length + this.#delivered.length + this.#unreadable.length === 0
    if (!isTime && isTidy) return { found, unreadable }
    await this.#withSpool(async (spool) => {
      if (isTime) {
        for (const entry of await spool.claim())
          (isProgressSlot(entry.slot) ? this.#progress : this.#claimed).push(entry)
        this.#nextClaimMillis = performance.now() + CLAIM_EVERY_MILLIS
        this.#sayNewer(spool.newerFiles)
        for (; this.#countedFiles < spool.unreadable.length; this.#countedFiles++) {
          unreadable.push({ points: this.#sayUnreadable(spool.unreadable[this.#countedFiles]!) })
        }
      }
      const progress = await this.#progressById()
      // What cannot be read just now stays claimed, with what comes after it, and is tried again with the next delivery.
      const waiting = new Set<string>()
      let failure: unknown
      for (const entry of inOrder(this.#claimed)) {
        if (waiting.has(entry.incarnation)) continue
        try {
          const outline = await this.#decoded(entry, decodeOutline)
          if (outline === undefined) unreadable.push({ points: entry.points })
          else found.push(this.#foundParcel(entry, outline, deliveredOf(outline, progress.get(outline.id) ?? [])))
          this.#claimed = this.#claimed.filter((other) => other !== entry)
        } catch (error) {
          waiting.add(entry.incarnation)
          failure ??= error
        }
      }
      if (failure !== undefined) throw failure
      await this.#tidyUp(spool)
    })
    return { found, unreadable }
  }

  /** What was taken over has been taken away again. */
  forget(): void {
    this.#claimed = []
    this.#progress = []
    this.#undelivered.clear()
    this.#delivered = []
    this.#unreadable = []
  }

  /** What is written of the progress of each parcel: of one that was begun by one process and gone on with by another, twice. */
  async #progressById(): Promise<Map<string, Progress[]>> {
    const byId = new Map<string, Progress[]>()
    for (const entry of this.#progress) {
      const progress = await this.#decoded(entry, decodeProgress)
      if (progress === undefined) this.#progress = this.#progress.filter((other) => other !== entry)
      else byId.set(progress.id, [...(byId.get(progress.id) ?? []), progress])
    }
    return byId
  }

  /** Removes what is delivered, sets aside what is unreadable, and removes progress once it says nothing any more. */
  async #tidyUp(spool: Spool): Promise<void> {
    for (const entry of [...this.#delivered]) {
      await entry.remove()
      this.#delivered = this.#delivered.filter((other) => other !== entry)
    }
    for (const each of [...this.#unreadable]) {
      const { entry, reason } = each
      const path = await entry.setAside()
      this.#unreadable = this.#unreadable.filter((other) => other !== each)
      this.#sayUnreadable({ path, slot: entry.slot, reason, points: entry.points })
    }
    if (this.#undelivered.size > 0 || this.#claimed.length > 0) return
    for (const entry of this.#progress) await entry.remove()
    this.#progress = []
    await spool.remove(REPLAYED)
  }

  /** `undefined` where it never will be readable: it is set aside. */
  async #decoded<T>(entry: ClaimedEntry, decode: (bytes: Uint8Array) => T): Promise<T | undefined> {
    try {
      return decode(await entry.read())
    } catch (error) {
      if (codeOf(error) !== 'UNREADABLE') throw error
      this.#unreadable.push({ entry, reason: reasonOf(error) })
      return undefined
    }
  }

  #foundParcel(entry: ClaimedEntry, outline: ParcelOutline, delivered: Progress): FoundParcel {
    this.#undelivered.add(entry)
    /** Of what was taken away again nothing is written any more. */
    const ended = async (end: () => void): Promise<void> => {
      if (!this.#undelivered.delete(entry)) return
      end()
      await this.#withSpool((spool) => this.#tidyUp(spool))
    }
    return {
      ...outline,
      incarnation: entry.incarnation,
      delivered,
      read: () => this.#read(entry),
      progress: async (now) => {
        if (!this.#undelivered.has(entry)) return
        await this.#withSpool((spool) => spool.write(REPLAYED, encodeProgress({ id: outline.id, ...now }), 0))
      },
      remove: () => ended(() => this.#delivered.push(entry)),
      setAside: (reason) => ended(() => this.#unreadable.push({ entry, reason })),
    }
  }

  async #read(entry: ClaimedEntry): Promise<ParcelRecord | undefined> {
    let record: ParcelRecord | undefined
    let unreadable: unknown
    await this.#withSpool(async () => {
      if (!this.#undelivered.has(entry)) return
      try {
        record = decodeParcel(await entry.read())
      } catch (error) {
        if (codeOf(error) !== 'UNREADABLE') throw error
        unreadable = error
      }
    })
    if (!this.#undelivered.has(entry)) {
      const reason = 'it was taken over by another process, which delivers it, or deleted'
      unreadable = new SpoolError('read', entry.slot, reason, { code: 'UNREADABLE' })
      report('error', `sluice: ${this.#name}: ${entry.points} points cannot be read from the spool any more: ${reason}`)
    }
    if (unreadable !== undefined) throw unreadable
    return record
  }

  #sayNewer(files: number): void {
    if (files > this.#saidNewerFiles) {
      report(
        'warn',
        `sluice: ${this.#name}: ${files} files in the spool were written by a newer version of this package or of Node.js, and are left for it`,
      )
    }
    this.#saidNewerFiles = files
  }

  /** Returns for how many points it counts: one where nobody knows. */
  #sayUnreadable({ path, slot, reason, points = 1 }: UnreadableFile): number {
    const lost = isProgressSlot(slot) ? 0 : points
    report(
      'error',
      `sluice: ${this.#name}: a file of the spool with ${lost} points cannot be read and is set aside as ${path}: ${reason}`,
    )
    return lost
  }
}

function deliveredOf({ points, maxBatchSize }: ParcelOutline, written: readonly Progress[]): Progress {
  return joined(points, sizesOf(points, maxBatchSize), written)
}

/** Process by process, and each as it would have sent them. */
function inOrder(entries: readonly ClaimedEntry[]): ClaimedEntry[] {
  return [...entries].sort((a, b) =>
    a.incarnation === b.incarnation ? compareSlots(a.slot, b.slot) : a.incarnation < b.incarnation ? -1 : 1,
  )
}
