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
  type ExporterAdapter,
  Fold,
  type Generation,
  type LossReason,
  type Series,
} from '@otel-sluice/processor'
import { settlesWithin } from '../settles-within.ts'
import { TemporalityChoice } from '../temporality-choice.ts'
import { callExport } from './export-call.ts'
import { type Outcome, reasonOf } from './outcome.ts'
import { type Batch, SealedParcel } from './parcel.ts'
import { checkOptions, type PushExporterAdapterOptions } from './push-options.ts'

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
  readonly #temporality: TemporalityChoice
  readonly #maxBatchSize: number
  #timeoutMillis: number | undefined
  #reader: AttachedReader | undefined
  readonly #open = new Fold()
  #sealingPoints = 0
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
    this.#temporality = new TemporalityChoice(
      (kind) => exporter.selectAggregationTemporality?.(kind) ?? AggregationTemporality.CUMULATIVE,
    )
    this.name = options.name ?? exporter.constructor.name
    this.exportIntervalMillis = options.exportIntervalMillis
    this.#timeoutMillis = options.exportTimeoutMillis
    this.#maxBatchSize = options.maxExportBatchSize ?? 8192
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    return this.#temporality.of(kind)
  }

  selectAggregation(kind: InstrumentType): AggregationOption {
    return this.#exporter.selectAggregation?.(kind) ?? { type: AggregationType.DEFAULT }
  }

  attach(reader: AttachedReader): void {
    if (this.#reader !== undefined) throw new Error(`${this.name}: this adapter is attached to a reader already`)
    this.#reader = reader
    const intervalMillis = this.exportIntervalMillis ?? reader.exportIntervalMillis
    const wantedMillis = this.#timeoutMillis ?? reader.exportTimeoutMillis
    this.#timeoutMillis = Math.min(wantedMillis, intervalMillis)
    if (wantedMillis > intervalMillis) {
      diag.info(
        `sluice: ${this.name}: exportTimeoutMillis of ${wantedMillis} exceeds the interval of ${intervalMillis} and is clamped to it`,
      )
    }
  }

  absorb(series: Series, generation: Generation): void {
    this.#offeredPoints++
    if (this.#isShutdown) this.#lostPoints.shutdown++
    else if (this.#open.absorb(series, generation)) this.#mergedPoints++
  }

  async deliver({ force }: { readonly force: boolean }): Promise<void> {
    const reader = this.#reader
    if (reader === undefined) throw new Error(`${this.name}: deliver() before the adapter was attached to a reader`)
    const rejectedBefore = this.#lostPoints.rejected
    await this.#awaitCallInFlight()
    // Of a parcel that is left over only the delta section is sent again: newer cumulative points take the place of its own.
    if (this.#sealed !== undefined) await this.#send(this.#sealed.deltaBatches, reader)
    const sealed = await reader.betweenTurns(() => this.#seal(reader))
    await this.#send(sealed.batches, reader)
    this.#sealed = undefined
    sealed.release()
    if (force) await this.#flushExporter()
    const rejected = this.#lostPoints.rejected - rejectedBefore
    if (rejected > 0) throw new Error(`${rejected} points were rejected for good and dropped: ${this.#lastError}`)
  }

  async shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    this.#isShutdown = true
    try {
      // Exporters wait in it for what they have in flight: a success that comes meanwhile is still booked.
      const inTime = await settlesWithin(
        settled(() => this.#exporter.shutdown()),
        timeoutMillis,
      )
      if (!inTime) diag.warn(`sluice: ${this.name} did not shut down within ${Math.round(timeoutMillis)} ms`)
    } catch (error) {
      diag.error(`sluice: ${this.name} failed to shut down`, error)
    }
    this.#lostPoints.shutdown += this.#pendingPoints()
    for (const batch of this.#sealed?.batches ?? []) if (!batch.isFinished) batch.state = 'lost'
    this.#sealed = undefined
    this.#sealingPoints = 0
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
    return this.#open.size + this.#sealingPoints + (this.#sealed?.pendingPoints ?? 0)
  }

  /**
   * Captures the cumulative section and closes the open parcel. Between turns, so that neither changes meanwhile; what was
   * taken out counts as pending until the parcel is there. What is left of the parcel before, which can only be
   * cumulative, is superseded by it.
   */
  async #seal(reader: AttachedReader): Promise<SealedParcel> {
    const cumulative = await reader.cumulative.capture(
      ({ kind }) => this.selectAggregationTemporality(kind) === AggregationTemporality.CUMULATIVE,
    )
    if (this.#isShutdown) throw this.#shutDownError()
    this.#sealingPoints = this.#open.size
    const delta = await this.#open.takeInSlices(reader.inSlices)
    // Before they are no longer pending: shutdown() counts what is.
    if (this.#isShutdown) throw this.#shutDownError()
    this.#sealingPoints = 0
    this.#supersededPoints += this.#sealed?.supersedeCumulative() ?? 0
    this.#offeredPoints += cumulative.reduce((points, { size }) => points + size, 0)
    this.#sealed = new SealedParcel(delta, cumulative, this.#maxBatchSize)
    return this.#sealed
  }

  /** Sends what is unfinished, in order; throws at the first batch that has to be sent again. */
  async #send(batches: readonly Batch[], reader: AttachedReader): Promise<void> {
    let sliceStartedMillis = performance.now()
    for (const batch of batches) {
      if (batch.isFinished) continue
      await this.#attempt(batch, reader)
      // Exporters serialise as they are called: the event loop gets its turn between two of them.
      if (performance.now() - sliceStartedMillis < SLICE_MILLIS) continue
      await new Promise<void>((resolve) => setImmediate(resolve))
      sliceStartedMillis = performance.now()
    }
  }

  async #attempt(batch: Batch, reader: AttachedReader): Promise<void> {
    const metrics = await batch.toResourceMetrics(reader)
    if (this.#isShutdown) throw this.#shutDownError()
    // A call that was given up may have delivered it meanwhile.
    if (batch.isFinished) return
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
    // A batch may be finished by a call that was given up while this one still runs.
    if (!batch.isFinished || this.#inFlight !== undefined) throw new Error(this.#lastError)
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
    else if (this.#inFlight === call) this.#inFlight = undefined
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
    if (
      await settlesWithin(
        settled(() => this.#exporter.forceFlush?.()),
        this.#timeout(),
      )
    )
      return
    throw new Error(`${this.name}: the exporter's forceFlush() did not settle within ${this.#timeout()} ms`)
  }

  #shutDownError(): Error {
    return new Error(`${this.name}: shut down while delivering`)
  }

  #timeout(): number {
    return this.#timeoutMillis!
  }
}

/** Exporters promise a promise; some return nothing, or throw at once. */
async function settled(call: () => unknown): Promise<unknown> {
  return call()
}
