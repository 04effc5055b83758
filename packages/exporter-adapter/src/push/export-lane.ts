import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader } from '@otel-sluice/processor'
import { report } from '@otel-sluice/processor'
import type { DeliveryCounts } from '../delivery-counts.ts'
import { settlesWithin } from '../settles-within.ts'
import { callExport } from './export-call.ts'
import type { Outcome } from './outcome.ts'
import type { Batch } from './parcel.ts'
import type { RetryClock } from './retry.ts'

/** How many export time-outs a call that never calls back is waited for before it is given up. */
const HARD_LIMIT_TIMEOUTS = 10

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
 * The way to one exporter: one Export call at a time, whoever asks for it, and what became of each.
 *
 * A call that takes too long is not over. It keeps the lane until it settles, and a late success counts; after ten
 * time-outs it may be given up, to make room for the same batch once more.
 */
export class ExportLane {
  readonly #name: string
  readonly #exporter: PushMetricExporter
  readonly #counts: DeliveryCounts
  readonly #retry: RetryClock
  readonly #heldPoints: () => number
  #inFlight: ExportCall | undefined
  /** INVARIANT: at most one call is given up at a time; a second one that hangs is waited for until one of them settles. */
  #givenUp: ExportCall | undefined
  #hasAnsweredTwice = false
  #lastRejection: string | undefined
  /** How long one call may take, in ms, before others are told that it failed. */
  timeoutMillis = 0
  /** Told of every call once it has settled or was given up. */
  onExported: AttachedReader['onExported'] | undefined

  /** @param heldPoints how many points wait, for what is said of an outage */
  constructor(
    name: string,
    exporter: PushMetricExporter,
    counts: DeliveryCounts,
    retry: RetryClock,
    heldPoints: () => number,
  ) {
    this.#name = name
    this.#exporter = exporter
    this.#counts = counts
    this.#retry = retry
    this.#heldPoints = heldPoints
  }

  /** Whether a call is out that has neither settled nor been given up. */
  get isBusy(): boolean {
    return this.#inFlight !== undefined
  }

  /** Data points of the call that is out. */
  get inFlightPoints(): number {
    const batch = this.#inFlight?.batch
    return batch === undefined || batch.isFinished ? 0 : batch.size
  }

  /** What the receiver said of the last batch that it rejected for good. */
  get lastRejection(): string | undefined {
    return this.#lastRejection
  }

  /**
   * Sends one batch. Resolves when it is finished, delivered or not.
   *
   * @param metrics the batch as exporters read it
   * @throws Error when it has to be sent again, or is not answered in time
   */
  async send(batch: Batch, metrics: ResourceMetrics): Promise<void> {
    if (batch.mayHaveArrived) {
      this.#counts.outcomeUnknown++
      this.#counts.outcomeUnknownPoints += batch.size
    }
    this.#counts.attempts++
    batch.state = 'sent'
    const outcome = callExport(this.#exporter, metrics, (answer) => this.#reportFurtherAnswer(answer))
    const call: ExportCall = {
      batch,
      startedMillis: performance.now(),
      booked: outcome.then((result) => this.#book(call, result)),
      timedOut: false,
    }
    this.#inFlight = call
    if (!(await settlesWithin(call.booked, this.timeoutMillis))) {
      call.timedOut = true
      this.#fail(`no answer within ${this.timeoutMillis} ms; waiting for it, a late success counts`)
    }
    // A batch may be finished by a call that was given up while this one still runs.
    if (!batch.isFinished || this.#inFlight !== undefined) throw new Error(this.#counts.lastError)
  }

  /**
   * Waits for a call that was slow; gives it up when it has been far too long and no other call is given up yet.
   *
   * @throws Error when it still keeps the lane
   */
  async clear(): Promise<void> {
    const call = this.#inFlight
    if (call === undefined) return
    const limitMillis = HARD_LIMIT_TIMEOUTS * this.timeoutMillis
    const remainingMillis = Math.max(0, limitMillis - (performance.now() - call.startedMillis))
    // Waits that no end is in sight for are not begun: on a call that never settles they would gather for good.
    const isHopeless = remainingMillis === 0 && this.#givenUp !== undefined
    if (!isHopeless && (await settlesWithin(call.booked, Math.min(this.timeoutMillis, remainingMillis)))) return
    const ageMillis = Math.round(performance.now() - call.startedMillis)
    if (ageMillis >= limitMillis && this.#givenUp === undefined) {
      report(
        'warn',
        `sluice: ${this.#name}: giving up on an export that has not called back for ${ageMillis} ms; sending it again`,
      )
      this.#givenUp = call
      this.#inFlight = undefined
      this.onExported?.(ageMillis, 'timeout')
      if (!call.batch.isFinished) call.batch.state = 'pending'
      call.batch.mayHaveArrived = true
      return
    }
    throw new Error(`an export has not called back for ${ageMillis} ms; nothing else is sent until it does`)
  }

  /** Waits until one of the calls that are out settles, but no longer than a time-out, after which it may be given up. */
  async untilSettled(mostMillis: number): Promise<void> {
    const calls = [this.#inFlight, this.#givenUp].flatMap((call) => (call === undefined ? [] : [call.booked]))
    await settlesWithin(Promise.race(calls), Math.min(mostMillis, this.timeoutMillis))
  }

  /** Books the first answer of a call, whenever it comes. */
  #book(call: ExportCall, outcome: Outcome): void {
    const wasGivenUp = this.#givenUp === call
    if (wasGivenUp) this.#givenUp = undefined
    else if (this.#inFlight === call) this.#inFlight = undefined
    if (!wasGivenUp) this.onExported?.(performance.now() - call.startedMillis, errorTypeOf(outcome))
    const { batch } = call
    if (outcome.type === 'delivered') {
      this.#counts.lastSuccessUnixMillis = Date.now()
      // A call that was given up may succeed after its batch was resent and delivered, or lost at shutdown.
      if (batch.isFinished) return
      batch.state = 'delivered'
      this.#counts.deliveredPoints += batch.size
      this.#succeed()
      return
    }
    this.#counts.lastError = outcome.reason
    // After it was given up only a success matters: the batch may be in another call by now.
    const isOfNoMatter = wasGivenUp || batch.isFinished
    if (outcome.type === 'rejected' || isOfNoMatter) {
      if (!call.timedOut) this.#counts.failures++
      if (!isOfNoMatter) this.#reject(batch, outcome.reason)
      return
    }
    batch.state = 'pending'
    if (outcome.type === 'unknown') batch.mayHaveArrived = true
    // One that timed out was counted and reported then.
    if (!call.timedOut) this.#fail(outcome.reason)
  }

  #reject(batch: Batch, reason: string): void {
    batch.state = 'lost'
    this.#counts.lostPoints.rejected += batch.size
    this.#lastRejection = reason
    report('error', `sluice: ${this.#name}: ${batch.size} points were rejected for good and are dropped: ${reason}`)
  }

  /** Says so once per outage: the next word is that it is over. */
  #fail(reason: string): void {
    this.#counts.failures++
    this.#counts.lastError = reason
    if (this.#retry.failuresInARow === 0) {
      report(
        'warn',
        `sluice: ${this.#name}: export failed, ${this.#heldPoints()} points are held and sent again: ${reason}`,
      )
    }
    this.#retry.failed()
  }

  #succeed(): void {
    const { failuresInARow } = this.#retry
    this.#retry.succeeded()
    if (failuresInARow === 0) return
    report('warn', `sluice: ${this.#name}: delivering again after ${failuresInARow} failed attempts`)
  }

  #reportFurtherAnswer(answer: Outcome): void {
    if (this.#hasAnsweredTwice) return
    this.#hasAnsweredTwice = true
    const what = answer.type === 'delivered' ? 'success' : answer.reason
    report(
      'warn',
      `sluice: ${this.#name}: an export was answered more than once; the first answer counts, this is ignored: ${what}`,
    )
  }
}

/** Not what the exporter says, which may be anything and hold secrets. */
function errorTypeOf({ type }: Outcome): string | undefined {
  return type === 'delivered' ? undefined : type
}
