import {
  type AggregationOption,
  AggregationTemporality,
  AggregationType,
  type InstrumentType,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import {
  type AdapterStats,
  type AttachedReader,
  type DeliverOptions,
  type ExporterAdapter,
  type FlushOptions,
  Fold,
  type Generation,
  report,
  type Series,
  type Stream,
  type StreamPoints,
} from '@otel-sluice/processor'
import { DeliveryCounts } from '../delivery-counts.ts'
import { MetricDataBuilder } from '../metric-data.ts'
import { reasonOf } from '../reason.ts'
import { settlesWithin } from '../settles-within.ts'
import { classNameOf } from '../shown.ts'
import { TemporalityChoice } from '../temporality-choice.ts'
import type { Batch } from './batch.ts'
import { Delivery } from './delivery.ts'
import { type ExportCall, ExportCalls } from './export-calls.ts'
import { HeldParcels } from './held-parcels.ts'
import { pointsAfter, pointsIn, type RecordContext } from './held-points.ts'
import { SealedParcel } from './parcel.ts'
import { ParcelSpool } from './parcel-spool.ts'
import { checkOptions, type PushExporterAdapterOptions } from './push-options.ts'
import { Replays } from './replays.ts'
import { Backoff } from './retry.ts'

/** How much of the time that is left one part of a flush may take: the exporter's own flush and its shutdown come after it. */
const SHARE_OF_ONE_PART = 0.9

/** After how long an exporter's own work gives way to the event loop. */
const SLICE_MILLIS = 1

/**
 * Feeds any `PushMetricExporter`, in the temporality and aggregation it prefers, and loses nothing when it fails.
 *
 * What is drained merges into the *open* parcel. A delivery seals it, which fixes its points and timestamps, and sends it
 * in batches. A delta batch that fails is resent unchanged; a cumulative one is replaced by newer points. A call that takes
 * too long is no failure: a late success counts, and what it holds is not sent again before it settles or time ends. What is
 * exact and what is not is in docs/delivery.md.
 *
 * @throws TypeError or RangeError from the constructor, naming the option and the value
 */
export class PushExporterAdapter implements ExporterAdapter {
  readonly name: string
  readonly exportIntervalMillis: number | undefined
  readonly exportTimeoutMillis: number | undefined
  readonly #exporter: PushMetricExporter
  readonly #temporality: TemporalityChoice
  readonly #maxBatchSize: number
  /** What the receiver takes, which may be less, and the least of it that was said. */
  #batchSize: number
  #saidBatchSize = Number.POSITIVE_INFINITY
  readonly #counts = new DeliveryCounts()
  readonly #calls: ExportCalls
  readonly #delivery: Delivery
  readonly #held = new HeldParcels()
  readonly #open = new Fold()
  /** The points of the open parcel while they are taken out. */
  #sealing: { readonly streams: readonly StreamPoints[]; readonly points: number } | undefined
  #reader: AttachedReader | undefined
  readonly #spool: ParcelSpool | undefined
  /** Which cumulative points of the spool those that were sealed last are. */
  #sealedSave = 0
  readonly #replays: Replays | undefined
  /** What was undelivered at the end, and is on disk. */
  #keptPoints = 0
  /** How far the cumulative points go that were sealed last, and that were delivered last, in µs since the epoch. */
  #sealedUntilUnixMicros = 0
  #deliveredUntilUnixMicros = 0
  /** Points that were rejected before the latest forced delivery. */
  #rejectedBefore = 0
  #isShutdown = false
  /** Whether it holds nothing any more. */
  #isOver = false
  #closed: Promise<void> | undefined

  constructor(exporter: PushMetricExporter, options: PushExporterAdapterOptions = {}) {
    checkOptions(exporter, options)
    this.#exporter = exporter
    this.#temporality = new TemporalityChoice(
      (kind) => exporter.selectAggregationTemporality?.(kind) ?? AggregationTemporality.CUMULATIVE,
    )
    this.name = options.name ?? classNameOf(exporter, 'exporter')
    this.exportIntervalMillis = options.exportIntervalMillis
    this.exportTimeoutMillis = options.exportTimeoutMillis
    this.#maxBatchSize = options.maxExportBatchSize ?? 8192
    this.#batchSize = this.#maxBatchSize
    const backoff = new Backoff(options.retry)
    this.#calls = new ExportCalls(this.name, exporter, this.#counts, backoff, () => this.#pendingPoints())
    this.#calls.onLateAnswer = () => void this.#writeDown()
    this.#calls.onTooLarge = (points) => this.#tooLarge(points)
    if (options.spoolDirectory !== undefined) {
      this.#spool = new ParcelSpool(this.name, options.spoolDirectory, options.spoolMaxBytes)
      this.#replays = new Replays(this.#spool, this.#counts, this.#calls, backoff, (batch) => this.#send([batch]))
    }
    this.#delivery = new Delivery(this.#calls, this.#held, backoff, {
      seal: (isLast) => this.#attached.betweenTurns(() => this.#seal(isLast)),
      batchSize: () => this.#batchSize,
      hasUnsealed: () => this.#open.size + this.#unsealedPoints() > 0,
      unsealedBatches: () => Math.ceil(this.#open.size / this.#batchSize) + this.#held.cumulative.length,
      send: (batches) => this.#send(batches),
      writeDown: () => this.#writeDown(),
      isDone: () => this.#isDone(),
    })
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    return this.#temporality.of(kind)
  }

  selectAggregation(kind: InstrumentType): AggregationOption {
    return this.#exporter.selectAggregation?.(kind) ?? { type: AggregationType.DEFAULT }
  }

  attach(reader: AttachedReader): void {
    if (this.#reader !== undefined) throw new Error(`${this.name}: this adapter is attached to a reader already`)
    this.#spool?.open()
    this.#reader = reader
    this.#calls.onExported = reader.onExported
    const intervalMillis = this.exportIntervalMillis ?? reader.exportIntervalMillis
    const wantedMillis = this.exportTimeoutMillis ?? reader.exportTimeoutMillis
    this.#calls.timeoutMillis = Math.min(wantedMillis, intervalMillis)
    if (wantedMillis > intervalMillis) {
      report(
        'info',
        `sluice: ${this.name}: exportTimeoutMillis of ${wantedMillis} exceeds the interval of ${intervalMillis} and is clamped to it`,
      )
    }
  }

  absorb(series: Series, generation: Generation): void {
    this.#counts.offeredPoints++
    if (this.#isShutdown) this.#counts.lostPoints.shutdown++
    else if (this.#open.absorb(series, generation)) this.#counts.mergedPoints++
  }

  async persist(): Promise<void> {
    const [spool, reader] = [this.#spool, this.#reader]
    if (spool === undefined || reader === undefined || this.#isShutdown) return
    const cumulative = await reader.cumulative.capture((stream) => this.#wantsCumulative(stream))
    await spool.save(this.#openPoints(), cumulative, this.#recordContext(reader))
  }

  persistAtOnce(): number {
    const [spool, reader] = [this.#spool, this.#reader]
    if (this.#isOver) return this.#counts.lostPoints.shutdown
    if (reader === undefined) return 0
    const { cumulative: view } = reader
    const cumulative =
      this.#isShutdown || view.endUnixMicros === this.#deliveredUntilUnixMicros
        ? []
        : view.captureAtOnce((stream) => this.#wantsCumulative(stream))
    if (spool !== undefined) {
      const held = { open: this.#openPoints(), sealing: this.#sealing, cumulative }
      return spool.saveAtOnce(held, this.#recordContext(reader))
    }
    const sealed = (this.#sealing?.points ?? 0) + this.#held.pendingDelta
    return this.#open.size + sealed + pointsIn(cumulative)
  }

  async deliver({ force, retryForMillis }: DeliverOptions): Promise<void> {
    const { timeoutMillis } = this.#calls
    if (force) this.#rejectedBefore = this.#counts.lostPoints.rejected
    await this.#replays?.send(force, timeoutMillis / 2)
    await this.#delivery.interval(Math.min(timeoutMillis, retryForMillis ?? Number.POSITIVE_INFINITY), force)
    if (!this.#isDone()) throw new Error(this.#whyUndelivered())
  }

  async flush({ timeoutMillis, isLast, retries, isBeside }: FlushOptions): Promise<void> {
    const failures: string[] = []
    const windowMillis = Math.min(this.#calls.timeoutMillis, timeoutMillis)
    const deadlineMillis = performance.now() + timeoutMillis
    if (isLast) {
      const endMillis = performance.now() + (retries ? timeoutMillis : windowMillis)
      await Promise.all([
        this.#replays?.send(true, endMillis - performance.now()),
        this.#delivery.last(endMillis, retries, isBeside),
      ])
    } else {
      const replayed = this.#replays?.send(true, SHARE_OF_ONE_PART * timeoutMillis) ?? Promise.resolve()
      await settlesWithin(replayed, windowMillis)
      await this.#delivery.flush(windowMillis)
      // However many there are: it ends with the first of them that fails.
      await replayed
    }
    // Also when something is undelivered: an exporter may hold back what it has taken before.
    const leftMillis = Math.max(0, Math.min(windowMillis, SHARE_OF_ONE_PART * (deadlineMillis - performance.now())))
    if (!this.#isShutdown) failures.push(...(await this.#flushExporter(leftMillis)))
    await this.#writeDown()
    if (!this.#isDone()) failures.unshift(this.#whyUndelivered())
    const rejected = this.#counts.lostPoints.rejected - this.#rejectedBefore
    if (rejected > 0)
      failures.push(`${rejected} points were rejected for good and dropped: ${this.#calls.lastRejection}`)
    if (failures.length > 0) throw new Error(failures.join('; '))
  }

  shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    this.#closed ??= this.#close(timeoutMillis)
    return this.#closed
  }

  stats(): AdapterStats {
    const parcels = (this.#open.size > 0 ? 1 : 0) + this.#held.count + (this.#replays?.count ?? 0)
    const spool = this.#spool
    return {
      ...this.#counts.stats({ points: this.#pendingPoints(), parcels }),
      inFlightPoints: this.#calls.inFlightPoints,
      ...(spool !== undefined && { spoolBytes: spool.bytes }),
      ...(spool?.lastError !== undefined && { spoolError: spool.lastError }),
    }
  }

  get #attached(): AttachedReader {
    if (this.#reader === undefined)
      throw new Error(`${this.name}: deliver() before the adapter was attached to a reader`)
    return this.#reader
  }

  #pendingPoints(): number {
    const ours = this.#open.size + (this.#sealing?.points ?? 0) + this.#held.pendingPoints
    return this.#keptPoints + ours + (this.#replays?.pendingPoints ?? 0)
  }

  #unsealedPoints(): number {
    const view = this.#reader?.cumulative
    if (view === undefined) return 0
    return pointsAfter(this.#sealedUntilUnixMicros, view, (stream) => this.#wantsCumulative(stream))
  }

  #isDone(): boolean {
    return this.#pendingPoints() === 0 && this.#unsealedPoints() === 0
  }

  #whyUndelivered(): string {
    const unread = this.#replays?.pendingPoints ?? 0
    if (unread > 0 && unread === this.#pendingPoints() && !this.#replays?.hasFailed) {
      const why = this.#replays?.isSending ? 'are still being sent' : 'cannot be read from the spool just now'
      return `${unread} points of processes before ${why}`
    }
    return this.#counts.lastError ?? 'there was no time to send them'
  }

  #openPoints() {
    return { streams: [...this.#open.streams()], window: this.#open.window, points: this.#open.size }
  }

  #wantsCumulative({ kind }: Stream): boolean {
    return this.selectAggregationTemporality(kind) === AggregationTemporality.CUMULATIVE
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#isShutdown = true
    try {
      // Exporters wait in it for what they have in flight: a success that comes meanwhile is still booked.
      const inTime = await settlesWithin(
        settled(() => this.#exporter.shutdown()),
        timeoutMillis,
      )
      if (!inTime) report('warn', `sluice: ${this.name} did not shut down within ${Math.round(timeoutMillis)} ms`)
    } catch (error) {
      report('error', `sluice: ${this.name} failed to shut down: ${reasonOf(error)}`)
    }
    // What has come to a good end since it was waited for: nobody needs to send it again.
    await this.#writeDown()
    await this.#spool?.close()
    this.#isOver = true
    const unsealed = this.#unsealedPoints()
    this.#counts.offeredPoints += unsealed
    const undelivered = this.#pendingPoints() + unsealed
    const isKept = this.#spool?.isWell === true
    this.#replays?.forget()
    this.#held.lose()
    this.#sealing = undefined
    this.#open.take()
    if (isKept) this.#keptPoints = undelivered
    else this.#counts.lostPoints.shutdown += undelivered
  }

  /**
   * Captures the cumulative section and closes the open parcel. Between turns, so that neither changes meanwhile; what was
   * taken out counts as pending until the parcel is there. Cumulative points of the parcel before are superseded by it.
   */
  async #seal(isLast: boolean): Promise<void> {
    const reader = this.#attached
    const cumulative = await reader.cumulative.capture((stream) => this.#wantsCumulative(stream))
    this.#checkOpen()
    const hasRoom = isLast || this.#held.hasRoomFor(this.#open.size)
    if (hasRoom) this.#sealing = { streams: [...this.#open.streams()], points: this.#open.size }
    const delta = hasRoom ? await this.#open.takeInSlices(reader.inSlices) : []
    // Before they are no longer pending: shutdown() counts what is.
    this.#checkOpen()
    this.#sealedUntilUnixMicros = reader.cumulative.endUnixMicros
    this.#sealing = undefined
    this.#counts.offeredPoints += pointsIn(cumulative)
    const parcel = new SealedParcel(delta, cumulative, this.#batchSize)
    this.#counts.supersededPoints += this.#held.add(parcel)
    this.#sealedSave = this.#spool?.cumulativeSave ?? 0
    if (hasRoom) await this.#spool?.seal(parcel, this.#recordContext(reader))
  }

  /** Resolves to nothing where they have been finished or superseded while they were made into objects. */
  async #send(batches: readonly Batch[]): Promise<ExportCall | undefined> {
    this.#checkOpen()
    const before = batches.map(({ state }) => state)
    // From here on nobody else sends them.
    for (const batch of batches) batch.state = 'sent'
    try {
      const builder = new MetricDataBuilder()
      for (const batch of batches) await batch.addTo(builder, this.#attached)
      this.#checkOpen()
      if (batches.some(({ isFinished }) => isFinished)) return undefined
      const metrics = builder.build(batches[0]!.content?.resource ?? this.#attached.resource)
      const startedMillis = performance.now()
      const call = this.#calls.start(batches, metrics)
      // Exporters serialise as they are called: the event loop gets its turn before the next call.
      if (performance.now() - startedMillis >= SLICE_MILLIS) await new Promise<void>((resolve) => setImmediate(resolve))
      return call
    } finally {
      for (const [i, batch] of batches.entries()) {
        if (batch.state === 'sent' && batch.callsOut === 0) batch.state = before[i]!
      }
      this.#calls.changed.notify()
    }
  }

  #checkOpen(): void {
    if (this.#isShutdown) throw new Error(`${this.name}: shut down while delivering`)
  }

  /** Halves what later parcels are cut into, as their points will be as large; one point that is too large says nothing of others. */
  #tooLarge(points: number): void {
    const fits = points === 1 ? this.#maxBatchSize : Math.min(this.#batchSize, Math.ceil(points / 2))
    if (fits < Math.min(this.#batchSize, this.#saidBatchSize)) {
      this.#saidBatchSize = fits
      report(
        'warn',
        `sluice: ${this.name}: ${points} points are too large for one message to the receiver and are sent in halves; set maxExportBatchSize to ${fits} to spare it the attempt`,
      )
    }
    this.#batchSize = fits
  }

  /** Forgets what is delivered, and has the spool know how far the rest is. */
  async #writeDown(): Promise<void> {
    const finished = this.#held.takeFinished()
    const { cumulative } = this.#held
    if (cumulative.length > 0 && cumulative.every(({ state }) => state === 'delivered')) {
      this.#deliveredUntilUnixMicros = this.#sealedUntilUnixMicros
    }
    await this.#replays?.writeDown()
    const spool = this.#spool
    if (spool === undefined) return
    for (const parcel of finished) await spool.delivered(parcel)
    for (const parcel of this.#held.parcels) await spool.progress(parcel)
    // Those that were sealed meanwhile are not done with, though these are.
    if (this.#held.cumulative !== cumulative || !cumulative.every(({ isFinished }) => isFinished)) return
    // What was saved since is the same, where nothing was recorded since.
    await spool.cumulativeDelivered(this.#unsealedPoints() === 0 ? spool.cumulativeSave : this.#sealedSave)
  }

  /** Resolves to what went wrong, if anything. */
  async #flushExporter(timeoutMillis: number): Promise<string[]> {
    try {
      const flushed = settled(() => this.#exporter.forceFlush?.())
      if (await settlesWithin(flushed, timeoutMillis)) return []
      // Exporters wait in it for every call that is out, also for one whose points have arrived in another.
      if (this.#isDone() && this.#calls.out.size > 0) return []
      return [`${this.name}: the exporter's forceFlush() did not settle within ${Math.round(timeoutMillis)} ms`]
    } catch (error) {
      return [reasonOf(error)]
    }
  }

  #recordContext({ resource: { attributes, schemaUrl }, inSlices }: AttachedReader): RecordContext {
    return { resource: { attributes, schemaUrl }, maxBatchSize: this.#batchSize, inSlices }
  }
}

/** Exporters promise a promise; some return nothing, or throw at once. */
async function settled(call: () => unknown): Promise<unknown> {
  return call()
}
