import { randomUUID } from 'node:crypto'
import { diag } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import type { StreamPoints, Window } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import { reasonOf } from '../reason.ts'
import type { ClaimedEntry } from '../spool/claim.ts'
import { Spool } from '../spool/spool.ts'
import { decodeParcel, encodeParcel, type InSlices, type ParcelRecord, type RecordedResource } from './parcel-record.ts'

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
  #isSealedSaved = false
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

  /** Writes the open parcel, and the cumulative points, as they are after a turn. */
  async save(
    open: { readonly streams: readonly Points[]; readonly window: Window; readonly points: number },
    cumulative: readonly StreamPoints[],
    context: {
      readonly resource: RecordedResource
      readonly maxBatchSize: number
      readonly inSlices: InSlices<Promise<void>>
    },
  ): Promise<void> {
    const { resource, maxBatchSize, inSlices } = context
    await this.#try(async (spool) => {
      if (open.points > 0) {
        this.#isOpenSaved = false
        const streams = open.streams.map((points) => stamped(points, open.window))
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

  /** What was open is sealed: its points and times will not change any more. */
  async seal(): Promise<void> {
    this.#openId = randomUUID()
    if (!this.#isOpenSaved) return
    this.#isOpenSaved = false
    this.#isOpenStale = true
    await this.#try(async (spool) => {
      // What could not be removed when it was delivered.
      if (this.#isSealedSaved) await this.#removeSealed(spool)
      await spool.rename(OPEN, SEALED)
      this.#isOpenStale = false
      this.#isSealedSaved = true
    })
  }

  /** These delta batches of the sealed parcel are finished, the last one not among them. */
  async progress(finished: readonly number[]): Promise<void> {
    if (!this.#isSealedSaved) return
    await this.#try((spool) => spool.write(PROGRESS, progressBytes(finished), 0))
  }

  /** The delta section of the sealed parcel is delivered. */
  async sealedDelivered(): Promise<void> {
    if (!this.#isSealedSaved && !this.#isOpenStale) return
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
      finished: progress === undefined ? [] : finishedIn(await progress.read()),
      progress: (finished) =>
        this.#try(async () => {
          // Without an entry of its own it is sent again from the start, which is allowed and counted.
          await progress?.write(progressBytes(finished), 0)
        }),
      remove: () =>
        this.#try(async () => {
          await entry.remove()
          await progress?.remove()
          this.#handedOut.delete(`${entry.incarnation} ${entry.slot}`)
        }),
    }
  }

  async #removeSealed(spool: Spool): Promise<void> {
    await spool.remove(SEALED)
    this.#isSealedSaved = false
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

function progressBytes(finished: readonly number[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(finished))
}

function finishedIn(bytes: Uint8Array): readonly number[] {
  return JSON.parse(new TextDecoder().decode(bytes)) as number[]
}
