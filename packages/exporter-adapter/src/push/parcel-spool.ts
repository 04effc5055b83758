import { randomUUID } from 'node:crypto'
import { diag } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import type { StreamPoints, Window } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import { reasonOf } from '../reason.ts'
import type { ClaimedEntry } from '../spool/claim.ts'
import { Spool } from '../spool/spool.ts'
import { SpoolTakenError } from '../spool/spool-errors.ts'
import {
  decodeParcel,
  encodeParcel,
  encodeParcelAtOnce,
  type InSlices,
  type ParcelRecord,
  type RecordedResource,
} from './parcel-record.ts'

/** How long to leave what other processes may have left behind alone, in ms. */
const CLAIM_EVERY_MILLIS = 60_000

/** The slots of one process: what gathers, what is being sent, how far that is, and the latest cumulative points. */
const OPEN = 'open'
const SEALED = 'sealed'
const PROGRESS = 'progress'
const CUMULATIVE = 'cumulative'

/** A parcel of a process that is gone, to be sent before anything of ours. */
export interface FoundParcel {
  readonly record: ParcelRecord
  /** Whether it may have been sent. */
  readonly mayHaveArrived: boolean
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

/** The open parcel. */
interface OpenPoints {
  readonly streams: readonly Points[]
  readonly window: Window
  readonly points: number
}

/** What goes into the record of a parcel besides its points. */
interface RecordContext {
  readonly resource: RecordedResource
  readonly maxBatchSize: number
}

/** Everything that an adapter holds. */
interface HeldPoints {
  readonly open: OpenPoints
  /** The delta section of the sealed parcel. */
  readonly sealed:
    | {
        readonly streams: readonly Points[]
        /** Those that are in batches which are not finished. */
        readonly points: number
        readonly finished: readonly number[]
        /** Whether {@link ParcelSpool.seal} has been called for it. */
        readonly isNamed: boolean
      }
    | undefined
  /** The latest cumulative points, if they are not delivered. */
  readonly cumulative: readonly StreamPoints[]
}

/**
 * What a push adapter owes, on disk: as of the end of each turn, so that it outlives the process.
 *
 * It never throws and never rejects. A disk that is full, read-only or gone is reported once; the adapter goes on in memory,
 * and the next turn tries again.
 */
export class ParcelSpool {
  readonly #name: string
  readonly #directory: string
  #opening: Promise<Spool | undefined> | undefined
  #spool: Spool | undefined
  #isFailing = false
  #lastError: string | undefined
  #openId = randomUUID()
  /** Whether the slots hold just what the adapter does. */
  #isOpenSaved = false
  /** The parcel that was sealed last, and the one that is in the sealed slot. */
  #sealedId: string | undefined
  #savedId: string | undefined
  /** Whether the open slot holds what has been sealed since: it must not be taken for something else after a restart. */
  #isOpenStale = false
  /** Counts what was saved of cumulative points; 0 while there is nothing on disk. */
  #cumulativeSave = 0
  #nextClaimMillis = 0
  /** Entries that were handed out and not removed yet. */
  readonly #handedOut = new Set<string>()

  constructor(name: string, directory: string) {
    this.#name = name
    this.#directory = directory
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#spool?.bytes ?? 0
  }

  /** Why the disk does not take what it is given, while it does not. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Whether the disk has taken everything that it was given. */
  get isWell(): boolean {
    return !this.#isFailing && this.#spool !== undefined
  }

  /** Which cumulative points are on disk: to be handed to {@link cumulativeDelivered} once they are delivered. */
  get cumulativeSave(): number {
    return this.#cumulativeSave
  }

  /** Begins to open it, so that {@link saveAtOnce} finds it open. */
  open(): void {
    void this.#open()
  }

  /** Writes the open parcel, and the cumulative points, as they are after a turn. */
  async save(
    open: OpenPoints,
    cumulative: readonly StreamPoints[],
    context: RecordContext & { readonly inSlices: InSlices<Promise<void>> },
  ): Promise<void> {
    const { resource, maxBatchSize, inSlices } = context
    await this.#try(async (spool) => {
      if (open.points > 0) {
        this.#isOpenSaved = false
        const streams = stampedStreams(open)
        const record = { id: this.#openId, resource, temporality: AggregationTemporality.DELTA, maxBatchSize, streams }
        await spool.write(OPEN, await encodeParcel(record, inSlices), open.points)
        this.#isOpenSaved = true
        this.#isOpenStale = false
      }
      const points = cumulative.reduce((sum, { size }) => sum + size, 0)
      if (points > 0) {
        const record = {
          id: randomUUID(),
          resource,
          temporality: AggregationTemporality.CUMULATIVE,
          maxBatchSize,
          streams: cumulative,
        }
        await spool.write(CUMULATIVE, await encodeParcel(record, inSlices), points)
        this.#cumulativeSave++
      }
    })
  }

  /**
   * Writes everything that is not on disk as it is, blocking: for the end of a process, whatever else is under way. It does
   * not open the spool: that cannot be done synchronously.
   *
   * @returns how many points are not on disk
   */
  saveAtOnce({ sealed, open, cumulative }: HeldPoints, context: RecordContext): number {
    if (sealed?.isNamed === false) this.#nameSealed()
    let unsaved = 0
    const write = (slot: string, points: number, bytes: () => Uint8Array) => {
      const error = this.#writeAtOnce(slot, points, bytes)
      if (error === undefined) return
      unsaved += points
      this.#fail(error)
    }
    const delta = (id: string, streams: readonly Points[]) => () =>
      encodeParcelAtOnce({ ...context, id, temporality: AggregationTemporality.DELTA, streams })

    const id = this.#sealedId
    const isSealedSaved = id !== undefined && id === this.#savedId
    const mustSeal = id !== undefined && sealed !== undefined && sealed.points > 0 && !isSealedSaved
    if (mustSeal) write(SEALED, sealed.points, delta(id, sealed.streams))
    if (sealed !== undefined && (mustSeal || isSealedSaved)) {
      // Also when all of it is finished: it may not have been removed yet, and cannot be now.
      write(PROGRESS, 0, () => progressBytes(id, sealed.finished))
    } else if (this.#savedId !== undefined) {
      write(SEALED, 0, delta(randomUUID(), []))
    }
    // What has been sealed may lie in its slot still.
    if (open.points > 0 || mustSeal || this.#isOpenStale) {
      write(OPEN, open.points, delta(this.#openId, stampedStreams(open)))
    }
    const points = cumulative.reduce((sum, { size }) => sum + size, 0)
    if (points > 0) {
      write(CUMULATIVE, points, () =>
        encodeParcelAtOnce({
          ...context,
          id: randomUUID(),
          temporality: AggregationTemporality.CUMULATIVE,
          streams: cumulative,
        }),
      )
    }
    return unsaved
  }

  /** What was open is sealed: its points and times will not change any more. */
  async seal(): Promise<void> {
    this.#nameSealed()
    if (!this.#isOpenSaved) return
    this.#isOpenSaved = false
    this.#isOpenStale = true
    await this.#try(async (spool) => {
      // What could not be removed when it was delivered.
      if (this.#savedId !== undefined) await this.#removeSealed(spool)
      await spool.rename(OPEN, SEALED)
      this.#isOpenStale = false
      this.#savedId = this.#sealedId
    })
  }

  /** These delta batches of the sealed parcel are finished, the last one not among them. */
  async progress(finished: readonly number[]): Promise<void> {
    const id = this.#savedId
    if (id === undefined || id !== this.#sealedId) return
    await this.#try((spool) => spool.write(PROGRESS, progressBytes(id, finished), 0))
  }

  /** The delta section of the sealed parcel is delivered. */
  async sealedDelivered(): Promise<void> {
    if (this.#savedId === undefined && !this.#isOpenStale) return
    await this.#try(async (spool) => {
      if (this.#isOpenStale) await spool.remove(OPEN)
      this.#isOpenStale = false
      await this.#removeSealed(spool)
    })
  }

  /** Cumulative points are delivered. Newer ones that were saved meanwhile stay. */
  async cumulativeDelivered(save: number): Promise<void> {
    if (save === 0 || save !== this.#cumulativeSave) return
    await this.#try((spool) => spool.remove(CUMULATIVE))
  }

  /** Parcels of processes that are gone, oldest first; looked for now and then. */
  async find(): Promise<{ readonly found: readonly FoundParcel[]; readonly unreadable: readonly UnreadableParcel[] }> {
    const found: FoundParcel[] = []
    const unreadable: UnreadableParcel[] = []
    if (performance.now() < this.#nextClaimMillis) return { found, unreadable }
    await this.#try(async (spool) => {
      this.#nextClaimMillis = performance.now() + CLAIM_EVERY_MILLIS
      const unreadableBefore = spool.unreadableFiles
      const entries = await spool.claim()
      for (let i = unreadableBefore; i < spool.unreadableFiles; i++) unreadable.push({ points: 1 })
      for (const entry of entries) {
        // Its parcel is delivered, and the process died between removing the one and the other.
        const isOrphan = (other: ClaimedEntry) => other.incarnation !== entry.incarnation || other.slot !== SEALED
        if (entry.slot === PROGRESS && entries.every(isOrphan)) await entry.remove()
        const key = `${entry.incarnation} ${entry.slot}`
        if (entry.slot === PROGRESS || this.#handedOut.has(key)) continue
        const progress = entries.find((other) => other.incarnation === entry.incarnation && other.slot === PROGRESS)
        try {
          const record = decodeParcel(await entry.read())
          this.#handedOut.add(key)
          found.push(await this.#foundParcel(record, entry, entry.slot === SEALED ? progress : undefined))
        } catch (error) {
          diag.error(
            `sluice: ${this.#name}: a parcel in the spool could not be read and is dropped: ${reasonOf(error)}`,
          )
          unreadable.push({ points: entry.points })
          await entry.remove()
        }
      }
    })
    return { found, unreadable }
  }

  /** Others may take what is left, at once. */
  async close(): Promise<void> {
    const spool = await this.#opening
    await spool?.close().catch((error: unknown) => this.#fail(error))
  }

  async #foundParcel(
    record: ParcelRecord,
    entry: ClaimedEntry,
    progress: ClaimedEntry | undefined,
  ): Promise<FoundParcel> {
    return {
      record,
      mayHaveArrived: entry.slot !== OPEN,
      finished: progress === undefined ? [] : finishedIn(await progress.read(), record.id),
      progress: (finished) =>
        this.#try(async () => {
          // Without an entry of its own it is sent again from the start, which is allowed and counted.
          await progress?.write(progressBytes(record.id, finished), 0)
        }),
      remove: () =>
        this.#try(async () => {
          await entry.remove()
          await progress?.remove()
          this.#handedOut.delete(`${entry.incarnation} ${entry.slot}`)
        }),
    }
  }

  /** From here on what is open is another parcel. */
  #nameSealed(): void {
    this.#sealedId = this.#openId
    this.#openId = randomUUID()
  }

  #writeAtOnce(slot: string, points: number, bytes: () => Uint8Array): unknown {
    if (this.#spool === undefined) return new Error('it is not open')
    try {
      const body = bytes()
      try {
        this.#spool.writeSync(slot, body, points)
      } catch (error) {
        // It says once that its directory was taken, and goes on in another.
        if (!(error instanceof SpoolTakenError)) throw error
        this.#spool.writeSync(slot, body, points)
      }
      return undefined
    } catch (error) {
      return error
    }
  }

  async #removeSealed(spool: Spool): Promise<void> {
    await spool.remove(SEALED)
    this.#savedId = undefined
    await spool.remove(PROGRESS)
  }

  async #try(work: (spool: Spool) => Promise<void>): Promise<void> {
    try {
      const spool = await this.#open()
      if (spool === undefined) return
      await work(spool)
      if (this.#isFailing) diag.warn(`sluice: ${this.#name}: the spool takes what it is given again`)
      this.#isFailing = false
      this.#lastError = undefined
    } catch (error) {
      this.#fail(error)
    }
  }

  #open(): Promise<Spool | undefined> {
    this.#opening ??= Spool.open({
      directory: this.#directory,
      name: this.#name,
      onProblem: (error) => diag.debug(`sluice: ${this.#name}: spool:`, error),
    }).then(
      (spool) => {
        this.#spool = spool
        return spool
      },
      (error: unknown) => {
        // Tried again in the next turn.
        this.#opening = undefined
        this.#fail(error)
        return undefined
      },
    )
    return this.#opening
  }

  #fail(error: unknown): void {
    this.#lastError = reasonOf(error)
    if (this.#isFailing) return
    this.#isFailing = true
    diag.error(
      `sluice: ${this.#name}: the spool fails, and what is undelivered is held in memory only until it works again: ${this.#lastError}`,
    )
  }
}

function stampedStreams({ streams, window }: OpenPoints): Points[] {
  return streams.map((points) => stamped(points, window))
}

/** Points with the window that they will have once the parcel is sealed. */
function stamped(points: Points, window: Window): Points {
  const isGauge = points.stream.aggregation.type === DataPointType.GAUGE
  return {
    stream: points.stream,
    size: points.size,
    series: points.series,
    valueOf: (index) => points.valueOf(index),
    startUnixMicrosOf: () => window.startUnixMicros,
    endUnixMicrosOf: (index) => (isGauge ? points.endUnixMicrosOf(index) : window.endUnixMicros),
  }
}

interface Progress {
  readonly id: string
  readonly finished: readonly number[]
}

function progressBytes(id: string, finished: readonly number[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ id, finished } satisfies Progress))
}

/** What was left behind by a parcel before says nothing of this one. */
function finishedIn(bytes: Uint8Array, of: string): readonly number[] {
  const { id, finished } = JSON.parse(new TextDecoder().decode(bytes)) as Progress
  return id === of ? finished : []
}
