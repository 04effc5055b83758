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
  Fold,
  type Generation,
  report,
  type Series,
  type Stream,
  type StreamPoints,
} from '@otel-sluice/processor'
import { DeliveryCounts } from '../delivery-counts.ts'
import { reasonOf } from '../reason.ts'
import { settlesWithin } from '../settles-within.ts'
import { TemporalityChoice } from '../temporality-choice.ts'
import { Attempts } from './attempts.ts'
import { BatchSender, finishedOf } from './batch-sender.ts'
import { ExportLane } from './export-lane.ts'
import { pointsAfter, type RecordContext } from './held-points.ts'
import { SealedParcel } from './parcel.ts'
import { ParcelSpool } from './parcel-spool.ts'
import { checkOptions, type PushExporterAdapterOptions } from './push-options.ts'
import { Replays } from './replays.ts'
import { RetryClock } from './retry.ts'

/**
 * Feeds any `PushMetricExporter`, in the temporality and aggregation it prefers, and loses nothing when it fails.
 *
 * What is drained merges into the *open* parcel. A delivery seals it, which fixes its points and timestamps, and sends it
 * in batches, one Export call at a time. A delta batch that fails is resent unchanged, after a backoff; a cumulative one is
 * replaced by newer points. A call that takes too long is no failure: nothing else is sent until it settles, and a late
 * success counts. What is exact and what is not is in docs/delivery.md.
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
  readonly #counts = new DeliveryCounts()
  readonly #retry: RetryClock
  readonly #lane: ExportLane
  readonly #attempts: Attempts
  readonly #sender: BatchSender
  #reader: AttachedReader | undefined
  readonly #open = new Fold()
  #sealingPoints = 0
  /** The same points, while they are taken out. */
  #sealing: readonly StreamPoints[] = []
  #sealed: SealedParcel | undefined
  readonly #spool: ParcelSpool | undefined
  /** Which cumulative points of the spool those of the sealed parcel are. */
  #sealedSave = 0
  readonly #replays: Replays | undefined
  /** What was undelivered at the end, and is on disk. */
  #keptPoints = 0
  /** How far the cumulative points go that were sealed last, and that were delivered last, in µs since the epoch. */
  #sealedUntilUnixMicros = 0
  #deliveredUntilUnixMicros = 0
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
    this.name = options.name ?? exporter.constructor.name
    this.exportIntervalMillis = options.exportIntervalMillis
    this.exportTimeoutMillis = options.exportTimeoutMillis
    this.#retry = new RetryClock(options.retry)
    this.#maxBatchSize = options.maxExportBatchSize ?? 8192
    if (options.spoolDirectory !== undefined) {
      this.#spool = new ParcelSpool(this.name, options.spoolDirectory, options.spoolMaxBytes)
      this.#replays = new Replays(this.#spool, this.#counts)
    }
    this.#lane = new ExportLane(this.name, exporter, this.#counts, this.#retry, () => this.#pendingPoints())
    this.#attempts = new Attempts(this.#lane, this.#retry, this.#counts)
    this.#sender = new BatchSender(this.name, this.#lane)
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
    this.#lane.onExported = reader.onExported
    const intervalMillis = this.exportIntervalMillis ?? reader.exportIntervalMillis
    const wantedMillis = this.exportTimeoutMillis ?? reader.exportTimeoutMillis
    this.#lane.timeoutMillis = Math.min(wantedMillis, intervalMillis)
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
    const sealed = this.#heldDelta()
    if (spool !== undefined) {
      return spool.saveAtOnce({ open: this.#openPoints(), sealed, cumulative }, this.#recordContext(reader))
    }
    return this.#open.size + (sealed?.points ?? 0) + cumulative.reduce((points, { size }) => points + size, 0)
  }

  async deliver({ force, retryForMillis = 0 }: DeliverOptions): Promise<void> {
    const reader = this.#reader
    if (reader === undefined) throw new Error(`${this.name}: deliver() before the adapter was attached to a reader`)
    // A call that is still out is waited for in any case. Otherwise what comes goes on merging until the backoff is over.
    if (!force && !this.#lane.isBusy && this.#retry.remainingMillis > 0) return
    const rejectedBefore = this.#counts.lostPoints.rejected
    const failures = await this.#attempts.until(performance.now() + retryForMillis, this.#deliverer(reader))
    const unread = failures.length === 0 ? (this.#replays?.pendingPoints ?? 0) : 0
    if (unread > 0) failures.push(`${unread} points of processes before cannot be read from the spool just now`)
    // Also when something is undelivered: an exporter may hold back what it has taken before.
    if (force && !this.#isShutdown) failures.push(...(await this.#flushExporter()))
    const rejected = this.#counts.lostPoints.rejected - rejectedBefore
    if (rejected > 0)
      failures.push(`${rejected} points were rejected for good and dropped: ${this.#lane.lastRejection}`)
    if (failures.length > 0) throw new Error(failures.join('; '))
  }

  shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    this.#closed ??= this.#close(timeoutMillis)
    return this.#closed
  }

  stats(): AdapterStats {
    const parcels = (this.#open.size > 0 ? 1 : 0) + (this.#sealed === undefined ? 0 : 1) + (this.#replays?.count ?? 0)
    const spool = this.#spool
    return {
      ...this.#counts.stats({ points: this.#pendingPoints(), parcels }),
      inFlightPoints: this.#lane.inFlightPoints,
      ...(spool !== undefined && { spoolBytes: spool.bytes }),
      ...(spool?.lastError !== undefined && { spoolError: spool.lastError }),
    }
  }

  #pendingPoints(): number {
    const ours = this.#open.size + this.#sealingPoints + (this.#sealed?.pendingPoints ?? 0)
    return this.#keptPoints + ours + (this.#replays?.pendingPoints ?? 0)
  }

  #unsealedPoints(): number {
    const view = this.#reader?.cumulative
    if (view === undefined) return 0
    return pointsAfter(this.#sealedUntilUnixMicros, view, (stream) => this.#wantsCumulative(stream))
  }

  #deliverer(reader: AttachedReader) {
    return {
      isDone: () => this.#pendingPoints() === 0 && this.#unsealedPoints() === 0,
      isShutdown: () => this.#isShutdown,
      sendAll: () => this.#sendAll(reader),
    }
  }

  #openPoints() {
    return { streams: [...this.#open.streams()], window: this.#open.window, points: this.#open.size }
  }

  /** The delta section of the parcel that is sealed, or just being sealed. */
  #heldDelta() {
    if (this.#sealingPoints > 0) {
      return { streams: this.#sealing, points: this.#sealingPoints, finished: [], isNamed: false }
    }
    if (this.#sealed === undefined) return undefined
    const { delta, deltaBatches } = this.#sealed
    const pending = deltaBatches.filter(({ isFinished }) => !isFinished)
    const points = pending.reduce((sum, { size }) => sum + size, 0)
    return { streams: delta, points, finished: finishedOf(deltaBatches), isNamed: true }
  }

  #wantsCumulative({ kind }: Stream): boolean {
    return this.selectAggregationTemporality(kind) === AggregationTemporality.CUMULATIVE
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#isShutdown = true
    this.#sender.close()
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
    await this.#writeDown()
    await this.#spool?.close()
    this.#isOver = true
    const unsealed = this.#unsealedPoints()
    this.#counts.offeredPoints += unsealed
    const undelivered = this.#pendingPoints() + unsealed
    const isKept = this.#spool?.isWell === true
    for (const batch of [...(this.#replays?.batches ?? []), ...(this.#sealed?.batches ?? [])]) {
      if (!batch.isFinished) batch.state = 'lost'
    }
    this.#replays?.forget()
    this.#sealed = undefined
    this.#sealingPoints = 0
    this.#sealing = []
    this.#open.take()
    if (isKept) this.#keptPoints = undelivered
    else this.#counts.lostPoints.shutdown += undelivered
  }

  /** What is left of the parcel before, then everything that is there by now; throws when something must be sent again. */
  async #sendAll(reader: AttachedReader): Promise<void> {
    await this.#lane.clear()
    await this.#replays?.send(this.#sender, reader)
    // Of a parcel that is left over only the delta section is sent again: newer cumulative points take the place of its own.
    if (this.#sealed !== undefined) await this.#sendDelta(this.#sealed, reader)
    const sealed = await reader.betweenTurns(() => this.#seal(reader))
    const sealedUntilUnixMicros = this.#sealedUntilUnixMicros
    await this.#sendDelta(sealed, reader)
    await this.#sender.send(sealed.cumulativeBatches, reader)
    this.#deliveredUntilUnixMicros = sealedUntilUnixMicros
    await this.#spool?.cumulativeDelivered(this.#sealedSave)
    this.#sealed = undefined
  }

  async #sendDelta({ deltaBatches }: SealedParcel, reader: AttachedReader): Promise<void> {
    await this.#sender.send(deltaBatches, reader, (finished) => this.#spool?.progress(finished))
    await this.#spool?.sealedDelivered()
  }

  /**
   * Captures the cumulative section and closes the open parcel. Between turns, so that neither changes meanwhile; what was
   * taken out counts as pending until the parcel is there. What is left of the parcel before, which can only be
   * cumulative, is superseded by it.
   */
  async #seal(reader: AttachedReader): Promise<SealedParcel> {
    const cumulative = await reader.cumulative.capture((stream) => this.#wantsCumulative(stream))
    this.#sender.check()
    this.#sealingPoints = this.#open.size
    this.#sealing = [...this.#open.streams()]
    const delta = await this.#open.takeInSlices(reader.inSlices)
    // Before they are no longer pending: shutdown() counts what is.
    this.#sender.check()
    this.#sealedUntilUnixMicros = reader.cumulative.endUnixMicros
    this.#sealingPoints = 0
    this.#sealing = []
    this.#counts.supersededPoints += this.#sealed?.supersedeCumulative() ?? 0
    this.#counts.offeredPoints += cumulative.reduce((points, { size }) => points + size, 0)
    this.#sealed = new SealedParcel(delta, cumulative, this.#maxBatchSize)
    this.#sealedSave = this.#spool?.cumulativeSave ?? 0
    await this.#spool?.seal(delta, this.#recordContext(reader))
    return this.#sealed
  }

  /** What has come to a good end since it was waited for: nobody needs to send it again. */
  async #writeDown(): Promise<void> {
    await this.#replays?.writeDown()
    if (this.#spool === undefined || this.#sealed === undefined) return
    const { deltaBatches, cumulativeBatches } = this.#sealed
    const finished = finishedOf(deltaBatches)
    if (finished.length === deltaBatches.length) await this.#spool.sealedDelivered()
    else if (finished.length > 0) await this.#spool.progress(finished)
    if (cumulativeBatches.every(({ isFinished }) => isFinished)) await this.#spool.cumulativeDelivered(this.#sealedSave)
  }

  /** Resolves to what went wrong, if anything. */
  async #flushExporter(): Promise<string[]> {
    const { timeoutMillis } = this.#lane
    try {
      const flushed = settled(() => this.#exporter.forceFlush?.())
      if (await settlesWithin(flushed, timeoutMillis)) return []
      return [`${this.name}: the exporter's forceFlush() did not settle within ${timeoutMillis} ms`]
    } catch (error) {
      return [reasonOf(error)]
    }
  }

  #recordContext({ resource: { attributes, schemaUrl }, inSlices }: AttachedReader): RecordContext {
    return { resource: { attributes, schemaUrl }, maxBatchSize: this.#maxBatchSize, inSlices }
  }
}

/** Exporters promise a promise; some return nothing, or throw at once. */
async function settled(call: () => unknown): Promise<unknown> {
  return call()
}
