import { diag } from '@opentelemetry/api'
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
  type Cell,
  type ExporterAdapter,
  Fold,
  type FoldedPoint,
  type LossReason,
  type Series,
  type Window,
} from '@otel-sluice/processor'
import { callExport } from './export-call.ts'
import { type Outcome, reasonOf } from './outcome.ts'
import { type Batch, SealedParcel } from './parcel.ts'
import { checkOptions, type PushExporterAdapterOptions } from './push-options.ts'
import { settlesWithin } from './settles-within.ts'

/** How many export time-outs a call that never calls back is waited for before it is given up. */
const HARD_LIMIT_TIMEOUTS = 10

/** How long batches may follow each other without the event loop running in between. */
const SLICE_MILLIS = 2

/** An export under way. */
interface ExportCall {
  readonly batch: Batch
  readonly startedMillis: number
  /** Resolves once the outcome has been booked. */
  readonly booked: Promise<void>
  /** Whether the time-out was counted as a failure already. */
  timedOut: boolean
}

/**
 * Feeds any `PushMetricExporter`, in the temporality and aggregation it prefers, and loses nothing when it fails.
 *
 * What is drained merges into the *open* parcel. A delivery seals it, which fixes its points and timestamps, and sends it
 * in batches, one Export call at a time. A delta batch that fails is resent unchanged; a cumulative one is replaced by
 * newer points. A call that takes too long is no failure: nothing else is sent until it settles, and a late success counts.
 *
 * @throws TypeError or RangeError from the constructor, naming the option and the value
 */
export class PushExporterAdapter implements ExporterAdapter {
  readonly name: string
  readonly exportIntervalMillis: number | undefined
  readonly #exporter: PushMetricExporter
  readonly #maxBatchSize: number
  #timeoutMillis: number | undefined
  #reader: AttachedReader | undefined
  readonly #open = new Fold()
  #sealed: SealedParcel | undefined
  #inFlight: ExportCall | undefined
  /** INVARIANT: at most one call is given up at a time; a second one that hangs is waited for until one of them settles. */
  #givenUp: ExportCall | undefined
  #isShutdown = false
  #failuresInARow = 0

  #offeredPoints = 0
  #deliveredPoints = 0
  #mergedPoints = 0
  #supersededPoints = 0
  readonly #lostPoints: Record<LossReason, number> = { rejected: 0, shutdown: 0 }
  #outcomeUnknown = 0
  #attempts = 0
  #failures = 0
  #lastError: string | undefined
  #lastSuccessUnixMillis: number | undefined

  constructor(exporter: PushMetricExporter, options: PushExporterAdapterOptions = {}) {
    checkOptions(exporter, options)
    this.#exporter = exporter
    this.name = options.name ?? exporter.constructor.name
    this.exportIntervalMillis = options.exportIntervalMillis
    this.#timeoutMillis = options.exportTimeoutMillis
    this.#maxBatchSize = options.maxExportBatchSize ?? 8192
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    return this.#exporter.selectAggregationTemporality?.(kind) ?? AggregationTemporality.CUMULATIVE
  }

  selectAggregation(kind: InstrumentType): AggregationOption {
    return this.#exporter.selectAggregation?.(kind) ?? { type: AggregationType.DEFAULT }
  }

  attach(reader: AttachedReader): void {
    if (this.#reader !== undefined) throw new Error(`${this.name}: this adapter is attached to a reader already`)
    this.#reader = reader
    const intervalMillis = this.exportIntervalMillis ?? reader.exportIntervalMillis
    this.#timeoutMillis = Math.min(this.#timeoutMillis ?? reader.exportTimeoutMillis, intervalMillis)
  }

  absorb(series: Series, cell: Cell, window: Window): void {
    this.#offeredPoints++
    if (this.#isShutdown) this.#lostPoints.shutdown++
    else if (this.#open.absorb(series, cell, window)) this.#mergedPoints++
  }

  async deliver({ force }: { readonly force: boolean }): Promise<void> {
    const reader = this.#reader
    if (reader === undefined) throw new Error(`${this.name}: deliver() before the adapter was attached to a reader`)
    const rejectedBefore = this.#lostPoints.rejected
    await this.#awaitCallInFlight()
    if (this.#sealed !== undefined) {
      this.#supersededPoints += this.#sealed.supersedeCumulative()
      await this.#send(this.#sealed, reader)
    }
    if (this.#isShutdown) return
    await this.#send(await reader.betweenTurns(() => this.#seal(reader)), reader)
    if (force) await this.#flushExporter()
    const rejected = this.#lostPoints.rejected - rejectedBefore
    if (rejected > 0) throw new Error(`${rejected} points were rejected for good and dropped: ${this.#lastError}`)
  }

  async shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    this.#isShutdown = true
    try {
      // Exporters wait in it for what they have in flight: a success that comes meanwhile is still booked.
      const inTime = await settlesWithin(this.#exporter.shutdown(), timeoutMillis)
      if (!inTime) diag.warn(`sluice: ${this.name} did not shut down within ${Math.round(timeoutMillis)} ms`)
    } catch (error) {
      diag.error(`sluice: ${this.name} failed to shut down`, error)
    }
    this.#lostPoints.shutdown += this.#pendingPoints()
    for (const batch of this.#sealed?.batches ?? []) if (!batch.isFinished) batch.state = 'lost'
    this.#sealed = undefined
    this.#open.take()
  }

  stats(): AdapterStats {
    return {
      offeredPoints: this.#offeredPoints,
      deliveredPoints: this.#deliveredPoints,
      pendingPoints: this.#pendingPoints(),
      mergedPoints: this.#mergedPoints,
      supersededPoints: this.#supersededPoints,
      filteredPoints: 0,
      lostPoints: { ...this.#lostPoints },
      outcomeUnknown: this.#outcomeUnknown,
      attempts: this.#attempts,
      failures: this.#failures,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(this.#lastSuccessUnixMillis !== undefined && { lastSuccessUnixMillis: this.#lastSuccessUnixMillis }),
      pendingParcels: (this.#open.size > 0 ? 1 : 0) + (this.#sealed === undefined ? 0 : 1),
    }
  }

  #pendingPoints(): number {
    return this.#open.size + (this.#sealed?.pendingPoints ?? 0)
  }

  /** Captures the cumulative section, then closes the open parcel; in one step, so that no point is counted twice or not. */
  async #seal(reader: AttachedReader): Promise<SealedParcel> {
    const captured: FoldedPoint[] = []
    await reader.cumulative.visit(({ series, cell, startUnixMicros }) => {
      if (this.selectAggregationTemporality(series.stream.kind) !== AggregationTemporality.CUMULATIVE) return
      captured.push({ series, cell: cell.clone(), startUnixMicros, endUnixMicros: reader.cumulative.endUnixMicros })
    })
    const delta = this.#open.take()
    this.#offeredPoints += captured.length
    this.#sealed = new SealedParcel(delta, captured, this.#maxBatchSize)
    return this.#sealed
  }

  /** Sends what is unfinished, in order; throws at the first batch that has to be sent again. */
  async #send(parcel: SealedParcel, reader: AttachedReader): Promise<void> {
    let sliceStartedMillis = performance.now()
    for (const batch of parcel.batches) {
      if (batch.isFinished) continue
      await this.#attempt(batch, reader)
      // Exporters serialise as they are called: the event loop gets its turn between two of them.
      if (performance.now() - sliceStartedMillis < SLICE_MILLIS) continue
      await new Promise<void>((resolve) => setImmediate(resolve))
      sliceStartedMillis = performance.now()
    }
    if (this.#sealed === parcel) this.#sealed = undefined
  }

  async #attempt(batch: Batch, reader: AttachedReader): Promise<void> {
    const metrics = await batch.toResourceMetrics(reader)
    if (this.#isShutdown) throw new Error(`${this.name}: shut down while delivering`)
    if (batch.mayHaveArrived) this.#outcomeUnknown++
    this.#attempts++
    batch.state = 'sent'
    const outcome = callExport(this.#exporter, metrics)
    const call: ExportCall = {
      batch,
      startedMillis: performance.now(),
      booked: outcome.then((result) => this.#book(call, result)),
      timedOut: false,
    }
    this.#inFlight = call
    if (!(await settlesWithin(call.booked, this.#timeout()))) {
      call.timedOut = true
      this.#failures++
      this.#lastError = `no answer within ${this.#timeout()} ms; waiting for it, a late success counts`
      this.#reportOutage(this.#lastError)
    }
    if (!batch.isFinished) throw new Error(this.#lastError)
  }

  /** Waits for a call that was slow; gives it up when it has been far too long and no other call is given up yet. */
  async #awaitCallInFlight(): Promise<void> {
    const call = this.#inFlight
    if (call === undefined) return
    const limitMillis = HARD_LIMIT_TIMEOUTS * this.#timeout()
    const remainingMillis = Math.max(0, limitMillis - (performance.now() - call.startedMillis))
    if (await settlesWithin(call.booked, Math.min(this.#timeout(), remainingMillis))) return
    const ageMillis = Math.round(performance.now() - call.startedMillis)
    if (ageMillis >= limitMillis && this.#givenUp === undefined) {
      diag.warn(
        `sluice: ${this.name}: giving up on an export that has not called back for ${ageMillis} ms; sending it again`,
      )
      this.#givenUp = call
      this.#inFlight = undefined
      if (!call.batch.isFinished) call.batch.state = 'pending'
      call.batch.mayHaveArrived = true
      return
    }
    throw new Error(`an export has not called back for ${ageMillis} ms; nothing else is sent until it does`)
  }

  /** Books the first answer of a call, whenever it comes. */
  #book(call: ExportCall, outcome: Outcome): void {
    const wasGivenUp = this.#givenUp === call
    if (wasGivenUp) this.#givenUp = undefined
    else this.#inFlight = undefined
    const { batch } = call
    if (outcome.type === 'delivered') {
      this.#lastSuccessUnixMillis = Date.now()
      // A call that was given up may succeed after its batch was resent and delivered, or lost at shutdown.
      if (batch.isFinished) return
      batch.state = 'delivered'
      this.#deliveredPoints += batch.size
      this.#reportRecovery()
      return
    }
    const reason = reasonOf(outcome.error)
    this.#lastError = reason
    // One that timed out was counted and reported then.
    if (!call.timedOut) this.#failures++
    // After it was given up only a success matters: the batch may be in another call by now.
    if (wasGivenUp || batch.isFinished) return
    if (outcome.type === 'rejected') {
      batch.state = 'lost'
      this.#lostPoints.rejected += batch.size
      diag.error(`sluice: ${this.name}: ${batch.size} points were rejected for good and are dropped: ${reason}`)
      return
    }
    batch.state = 'pending'
    if (outcome.type === 'unknown') batch.mayHaveArrived = true
    if (!call.timedOut) this.#reportOutage(reason)
  }

  /** Says so once per outage: the next word is that it is over. */
  #reportOutage(reason: string): void {
    if (this.#failuresInARow++ > 0) return
    diag.warn(`sluice: ${this.name}: export failed, ${this.#pendingPoints()} points are held and sent again: ${reason}`)
  }

  #reportRecovery(): void {
    if (this.#failuresInARow > 0) {
      diag.warn(`sluice: ${this.name}: delivering again after ${this.#failuresInARow} failed attempts`)
    }
    this.#failuresInARow = 0
  }

  async #flushExporter(): Promise<void> {
    if (await settlesWithin(this.#exporter.forceFlush(), this.#timeout())) return
    throw new Error(`${this.name}: the exporter's forceFlush() did not settle within ${this.#timeout()} ms`)
  }

  #timeout(): number {
    return this.#timeoutMillis!
  }
}
