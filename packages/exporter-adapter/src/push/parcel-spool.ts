import { randomUUID } from 'node:crypto'
import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { StreamPoints } from '@otel-sluice/processor'
import { report } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import { codeOf, reasonOf } from '../reason.ts'
import { Spool } from '../spool/spool.ts'
import { SpoolTakenError } from '../spool/spool-errors.ts'
import { DEFAULT_MAX_BYTES, type SpoolOptions } from '../spool/spool-options.ts'
import { type HeldPoints, type OpenPoints, pointsIn, type RecordContext, stampedStreams } from './held-points.ts'
import { type Left, LeftParcels } from './left-parcels.ts'
import type { SealedParcel } from './parcel.ts'
import { encodeParcel, encodeParcelAtOnce, encodeProgress } from './parcel-record.ts'
import { CUMULATIVE, OPEN, progressSlot, sealedSlot } from './parcel-slots.ts'
import { progressOf } from './progress.ts'
import { useSpool } from './spools-in-use.ts'

/** The delta section of a sealed parcel. */
interface Owed {
  readonly id: string
  /** Tells its slots from those of the others. */
  readonly number: number
  readonly streams: readonly Points[]
  readonly context: RecordContext
  /** What of it is delivered; unknown while it is being sealed. */
  parcel: SealedParcel | undefined
  /** Whether its slot holds it, or an older state of it. */
  isStored: boolean
  /** Whether what is on disk of it is all of it. */
  isWhole: boolean
  /** How it is cut into batches without any progress, and the progress that is on disk. */
  cut: string
  progress: string
}

/**
 * What a push adapter owes, on disk: as of the end of each turn, so that it outlives the process.
 *
 * Once open it never throws and never rejects. A disk that is full, read-only or gone is reported once; the adapter goes on in memory,
 * and the next turn writes whatever is missing.
 *
 * INVARIANT: while nothing fails, each parcel in memory is in just one slot, and no slot holds anything else. A parcel moves
 * from one slot to the other by a rename, and never is in both.
 */
export class ParcelSpool {
  readonly #name: string
  readonly #spoolOptions: SpoolOptions
  #spool: Spool | undefined
  #isFailing = false
  #isClosed = false
  #giveUpName = () => {}
  #lastError: string | undefined
  /** One call after the other: points must not be released while they are written. */
  #tail: Promise<void> = Promise.resolve()
  #openId = randomUUID()
  /** Oldest first. */
  #owed: readonly Owed[] = []
  /** Those that are delivered while something is written, and may still be getting their slot. */
  #leaving: readonly Owed[] = []
  /** The numbers of slots whose parcel is delivered and could not be removed yet. */
  #stale: readonly number[] = []
  #nextNumber = 1
  /** Whose parcel the slot holds; also an older state of it, and also one that was sealed and could not be renamed yet. */
  #inOpen: string | undefined
  /** The directory that they lie in. */
  #slotsPath: string | undefined
  /** Whether the last turn is on disk. */
  #isSaved = false
  /** Counts what was saved of cumulative points; 0 while there is nothing on disk. */
  #cumulativeSave = 0
  readonly #left: LeftParcels

  constructor(name: string, directory: string, maxBytes = DEFAULT_MAX_BYTES) {
    this.#name = name
    this.#spoolOptions = {
      directory,
      name,
      maxBytes,
      onProblem: (error) => report('debug', `sluice: ${name}: spool:`, error),
    }
    this.#left = new LeftParcels(name, (work) => this.#try(work))
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#spool?.bytes ?? 0
  }

  /** Why the disk does not take what it is given, while it does not. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Whether everything that is undelivered is on disk. */
  get isWell(): boolean {
    return this.#isSaved && !this.#isFailing
  }

  /** Which cumulative points are on disk: to be handed to {@link cumulativeDelivered} once they are delivered. */
  get cumulativeSave(): number {
    return this.#cumulativeSave
  }

  /**
   * Begins to open it, so that {@link saveAtOnce} finds it open and its lease renewed.
   *
   * @throws Error where another adapter of this process uses it
   */
  open(): void {
    this.#giveUpName = useSpool(this.#spoolOptions.directory, this.#name)
    void this.#try()
  }

  /** Writes the open parcel, and the cumulative points, as they are after a turn. */
  async save(open: OpenPoints, cumulative: readonly StreamPoints[], context: RecordContext): Promise<void> {
    this.#isSaved = false
    await this.#try(async (spool) => {
      if (open.points > 0) {
        const streams = stampedStreams(open)
        await this.#write(spool, OPEN, this.#openId, AggregationTemporality.DELTA, streams, context)
        this.#inOpen = this.#openId
      }
      if (pointsIn(cumulative) > 0) {
        await this.#write(spool, CUMULATIVE, randomUUID(), AggregationTemporality.CUMULATIVE, cumulative, context)
        this.#cumulativeSave++
      }
      this.#isSaved = true
    })
  }

  /**
   * Writes everything that is not on disk as it is, blocking: for the end of a process, whatever else is under way.
   *
   * @returns how many points are not on disk
   */
  saveAtOnce({ sealing, open, cumulative }: HeldPoints, context: RecordContext): number {
    if (sealing !== undefined) this.#owe(sealing.streams, context)
    let unsaved = 0
    const write = (slot: string, points: number, bytes: () => Uint8Array): boolean => {
      const error = this.#writeAtOnce(slot, points, bytes)
      if (error === undefined) return true
      unsaved += points
      this.#fail(error)
      return false
    }
    const parcel = (id: string, temporality: AggregationTemporality, streams: readonly Points[]) => () =>
      encodeParcelAtOnce({ resource: context.resource, maxBatchSize: context.maxBatchSize, id, temporality, streams })
    const { DELTA, CUMULATIVE: ALL } = AggregationTemporality
    const empty = parcel(randomUUID(), DELTA, [])

    let isSealing = false
    /** Of what cannot be written, an older state and what that has acknowledged is all that can be had. */
    let spared: string | undefined
    for (const owed of [...this.#leaving, ...this.#owed]) {
      const pending = owed.parcel?.pendingDelta ?? pointsIn(owed.streams)
      const isSaved = owed.isStored && owed.isWhole
      if (pending === 0 && !isSaved) {
        if (owed.isStored) write(sealedSlot(owed.number), 0, empty)
        continue
      }
      isSealing ||= !isSaved
      if (isSaved || write(sealedSlot(owed.number), pending, parcel(owed.id, DELTA, owed.streams))) {
        // Also when all of it is finished: it may not have been removed yet, and cannot be now. Its numbers are those of the
        // batches of the whole: they say nothing of an older state.
        const progress = progressOf(owed.parcel?.deltaBatches ?? [])
        if (progressTextOf(owed) !== owed.cut)
          write(progressSlot(owed.number), 0, () => encodeProgress({ id: owed.id, ...progress }))
      } else if (this.#inOpen === owed.id) {
        spared = owed.id
      }
    }
    for (const number of this.#stale) write(sealedSlot(number), 0, empty)
    // What has been sealed may lie in its slot still.
    const isOpenStale = this.#inOpen !== undefined && this.#inOpen !== this.#openId
    if (spared !== undefined) unsaved += open.points
    else if (open.points > 0 || isSealing || isOpenStale)
      write(OPEN, open.points, parcel(this.#openId, DELTA, stampedStreams(open)))
    const points = pointsIn(cumulative)
    if (points > 0) write(CUMULATIVE, points, parcel(randomUUID(), ALL, cumulative))
    return unsaved
  }

  /** What was open is sealed: its points and times will not change any more. */
  async seal(parcel: SealedParcel, context: RecordContext): Promise<void> {
    const owed = this.#owe(parcel.delta, context)
    if (owed !== undefined) {
      owed.parcel = parcel
      owed.cut = JSON.stringify(progressOf(parcel.deltaBatches))
      owed.progress = owed.cut
    }
    if (owed !== undefined || !this.#isSettled) await this.#try()
  }

  /** Some batches of a sealed parcel may be finished, though not all. */
  async progress(parcel: SealedParcel): Promise<void> {
    const owed = this.#owed.find((each) => each.parcel === parcel)
    if (owed === undefined || progressTextOf(owed) === owed.progress) return
    await this.#try(async (spool) => {
      if (owed.isStored && owed.isWhole) await writeProgress(spool, owed)
    })
  }

  /** The delta section of a sealed parcel is delivered. */
  async delivered(parcel: SealedParcel): Promise<void> {
    const owed = this.#owed.find((each) => each.parcel === parcel)
    if (owed === undefined) return
    this.#owed = this.#owed.filter((each) => each !== owed)
    this.#leaving = [...this.#leaving, owed]
    // Whoever is writing its points just now has to be done with them: they are released after this.
    await this.#tail
    this.#leaving = this.#leaving.filter((each) => each !== owed)
    if (owed.isStored) this.#stale = [...this.#stale, owed.number]
    if (!this.#isSettled) await this.#try()
  }

  /** Cumulative points are delivered. Newer ones that were saved meanwhile stay. */
  async cumulativeDelivered(save: number): Promise<void> {
    if (save === 0) return
    await this.#try(async (spool) => {
      if (save === this.#cumulativeSave) await spool.remove(CUMULATIVE)
    })
  }

  /** Parcels of processes that are gone, oldest first; looked for now and then. */
  find(): Promise<Left> {
    return this.#left.find()
  }

  /** Others may take what is left, at once. Resolves when everything that was asked for before is done. */
  async close(): Promise<void> {
    this.#giveUpName()
    this.#tail = this.#tail.then(() => {
      this.#isClosed = true
    })
    await this.#tail
    await this.#spool?.close().catch((error: unknown) => this.#fail(error))
  }

  /** From here on what is open is another parcel. Nothing where it is so already, and what was open is empty. */
  #owe(streams: readonly Points[], context: RecordContext): Owed | undefined {
    if (pointsIn(streams) === 0) return undefined
    const known = this.#owed.find((each) => each.streams[0] === streams[0])
    if (known !== undefined) return known
    const id = this.#openId
    this.#openId = randomUUID()
    const isWhole = this.#isSaved && this.#inOpen === id
    const number = this.#nextNumber++
    const owed = { id, number, streams, context, parcel: undefined, isStored: false, isWhole, cut: '', progress: '' }
    this.#owed = [...this.#owed, owed]
    return owed
  }

  #writeAtOnce(slot: string, points: number, bytes: () => Uint8Array): unknown {
    try {
      const spool = this.#theSpool
      const body = bytes()
      try {
        spool.writeSync(slot, body, points)
      } catch (error) {
        // It says once that its directory was taken, and goes on in another.
        if (!(error instanceof SpoolTakenError)) throw error
        spool.writeSync(slot, body, points)
      }
      return undefined
    } catch (error) {
      return error
    }
  }

  /** Whether the slots of delta parcels hold what they should. */
  get #isSettled(): boolean {
    const isOpenRight = this.#inOpen === undefined || this.#inOpen === this.#openId
    return isOpenRight && this.#stale.length === 0 && this.#owed.every(({ isStored, isWhole }) => isStored && isWhole)
  }

  /** Makes the slots hold what they should, from whatever went wrong before. */
  async #settle(spool: Spool): Promise<void> {
    for (const number of this.#stale) {
      await spool.remove(sealedSlot(number))
      this.#stale = this.#stale.filter((each) => each !== number)
      // Without its parcel it says nothing.
      await spool.remove(progressSlot(number))
    }
    for (const owed of this.#owed) {
      if (owed.isStored && owed.isWhole) continue
      const slot = sealedSlot(owed.number)
      if (this.#inOpen === owed.id && !owed.isStored) {
        await spool.rename(OPEN, slot)
        this.#inOpen = undefined
        owed.isStored = true
      }
      if (!owed.isStored || !owed.isWhole) {
        await this.#write(spool, slot, owed.id, AggregationTemporality.DELTA, owed.streams, owed.context)
        owed.isStored = true
        owed.isWhole = true
      }
      // Last: its numbers are those of the batches of the whole.
      await writeProgress(spool, owed)
    }
    if (this.#inOpen !== undefined && this.#inOpen !== this.#openId) {
      await spool.remove(OPEN)
      this.#inOpen = undefined
    }
  }

  async #write(
    spool: Spool,
    slot: string,
    id: string,
    temporality: AggregationTemporality,
    streams: readonly Points[],
    { resource, maxBatchSize, inSlices }: RecordContext,
  ): Promise<void> {
    const bytes = await encodeParcel({ id, resource, temporality, maxBatchSize, streams }, inSlices)
    await spool.write(slot, bytes, pointsIn(streams))
  }

  #try(work?: (spool: Spool) => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(async () => {
      if (this.#isClosed) return
      try {
        await this.#do(work).catch((error: unknown) => {
          if (!this.#isBygone(error)) throw error
          // Something that had been claimed there: it is in other hands, like all that was there.
          this.#left.forget()
          return this.#do(work)
        })
      } catch (error) {
        this.#fail(error)
      }
    })
    return this.#tail
  }

  async #do(work?: (spool: Spool) => Promise<void>): Promise<void> {
    const spool = this.#theSpool
    this.#slotsPath ??= spool.path
    await spool.open()
    // Before anything newer is delivered: what a failed write has left would be sent by the next process, too.
    const isTidy = await spool.tidyUp()
    await this.#settle(spool)
    await work?.(spool)
    // What the last turn could not write is written by the next one.
    if (this.#isSaved && isTidy) this.#recover()
  }

  /** One for good, also while it cannot be opened: its calls hang one at a time, and it makes one directory. */
  get #theSpool(): Spool {
    this.#spool ??= Spool.unopened(this.#spoolOptions)
    return this.#spool
  }

  #recover(): void {
    if (this.#isFailing) report('warn', `sluice: ${this.#name}: the spool takes what it is given again`)
    this.#isFailing = false
    this.#lastError = undefined
  }

  #fail(error: unknown): void {
    if (error instanceof SpoolTakenError && !this.#isBygone(error)) this.#startAfresh()
    this.#lastError = reasonOf(error) + (codeOf(error) === 'SPOOL_FULL' ? ' (spoolMaxBytes)' : '')
    if (this.#isFailing) return
    this.#isFailing = true
    report(
      'error',
      `sluice: ${this.#name}: the spool fails, and what is undelivered is held in memory only until it works again: ${this.#lastError}`,
    )
  }

  /** Whether it says that a directory was taken that we know to be so already, and do not work in any more. */
  #isBygone(error: unknown): boolean {
    return error instanceof SpoolTakenError && error.path !== this.#slotsPath
  }

  /** The directory went to another process with all there was in it: what is in memory is written again. */
  #startAfresh(): void {
    this.#slotsPath = this.#spool?.path
    this.#inOpen = undefined
    this.#stale = []
    this.#isSaved = false
    this.#left.forget()
    for (const owed of [...this.#leaving, ...this.#owed])
      Object.assign(owed, { isStored: false, isWhole: false, progress: owed.cut })
  }
}

function progressTextOf({ parcel }: Owed): string {
  return parcel === undefined ? '' : JSON.stringify(progressOf(parcel.deltaBatches))
}

async function writeProgress(spool: Spool, owed: Owed): Promise<void> {
  const text = progressTextOf(owed)
  if (owed.parcel === undefined || text === owed.progress) return
  await spool.write(
    progressSlot(owed.number),
    encodeProgress({ id: owed.id, ...progressOf(owed.parcel.deltaBatches) }),
    0,
  )
  owed.progress = text
}
