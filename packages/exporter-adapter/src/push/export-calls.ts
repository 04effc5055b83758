import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { type AttachedReader, report } from '@otel-sluice/processor'
import type { DeliveryCounts } from '../delivery-counts.ts'
import { LONGEST_TIMER_MILLIS } from '../settles-within.ts'
import type { Batch } from './batch.ts'
import { callExport } from './export-call.ts'
import type { Outcome } from './outcome.ts'
import type { Backoff } from './retry.ts'
import { Signal } from './signal.ts'

/** After how many time-outs a call that never calls back is given up: its outcome then is unknown for good. */
const GIVEN_UP_AFTER_TIMEOUTS = 10

/**
 * Most calls that have not called back, without those that were given up before a later one was answered: an exporter may forget
 * some. Beyond it the exporter is taken for broken, and intervals make one call in each time-out, to see whether it is well
 * again. The exporters of OpenTelemetry JS refuse the 31st by themselves.
 */
const MOST_UNSETTLED = 100

/** An Export call. */
export interface ExportCall {
  readonly batches: readonly Batch[]
  readonly startedMillis: number
  /** What became of it, once that is known and booked. */
  outcome: Outcome | undefined
  /** Whether the time-out has been over before it called back. It goes on; a late success counts. */
  isOverdue: boolean
  isGivenUp: boolean
}

/** The Export calls of one exporter, and what became of each. It does not decide what is sent and when. */
export class ExportCalls {
  readonly #name: string
  readonly #exporter: PushMetricExporter
  readonly #counts: DeliveryCounts
  readonly #backoff: Backoff
  readonly #heldPoints: () => number
  readonly #out = new Set<ExportCall>()
  #started = 0
  #startedMillis = Number.NEGATIVE_INFINITY
  /** Those that were given up since a call was answered last. Not held: it is for the exporter to forget them. */
  #givenUp = new WeakSet<ExportCall>()
  #givenUpCount = 0
  #failuresInARow = 0
  #hopelessInARow = 0
  #hasAnsweredTwice = false
  #lastRejection: string | undefined
  /** Notified when a call was booked, is overdue or was given up. */
  readonly changed = new Signal()
  /** How long one call may take, in ms, before it counts as failed. */
  timeoutMillis = 0
  /** Told of every call once it has settled or was given up. */
  onExported: AttachedReader['onExported'] | undefined
  /** Told when a call settles that is over its time-out: nobody may be waiting for it any more. */
  onLateAnswer: () => void = () => {}
  /** Told how many points were in a call that the receiver finds too large. */
  onTooLarge: (points: number) => void = () => {}

  /** @param heldPoints how many points wait, for what is said of an outage */
  constructor(
    name: string,
    exporter: PushMetricExporter,
    counts: DeliveryCounts,
    backoff: Backoff,
    heldPoints: () => number,
  ) {
    this.#name = name
    this.#exporter = exporter
    this.#counts = counts
    this.#backoff = backoff
    this.#heldPoints = heldPoints
  }

  /** Those that have neither settled nor been given up. */
  get out(): ReadonlySet<ExportCall> {
    return this.#out
  }

  /** Whether no interval may make a further call just now. */
  get isFull(): boolean {
    const isMost = this.#out.size + this.#givenUpCount >= MOST_UNSETTLED
    return isMost && performance.now() - this.#startedMillis < this.timeoutMillis
  }

  /** The number of Export calls so far, which is also the number of the latest call. */
  get started(): number {
    return this.#started
  }

  /** Data points of the calls that are out. */
  get inFlightPoints(): number {
    const batches = new Set([...this.#out].flatMap((call) => call.batches))
    return [...batches].reduce((points, batch) => (batch.isFinished ? points : points + batch.size), 0)
  }

  /** Failures since the last success. */
  get failuresInARow(): number {
    return this.#failuresInARow
  }

  /** Single points that were too large for the receiver, since it has taken anything. */
  get hopelessInARow(): number {
    return this.#hopelessInARow
  }

  /** What the receiver said of the last batch that it rejected for good. */
  get lastRejection(): string | undefined {
    return this.#lastRejection
  }

  /** @param metrics the points of the batches, as exporters read them */
  start(batches: readonly Batch[], metrics: ResourceMetrics): ExportCall {
    this.#counts.attempts++
    this.#started++
    for (const batch of batches) {
      batch.lastCall = this.#started
      if (batch.mayHaveArrived) {
        this.#counts.outcomeUnknown++
        this.#counts.outcomeUnknownPoints += batch.size
      }
      batch.state = 'sent'
      batch.callsOut++
    }
    const call: ExportCall = {
      batches,
      startedMillis: performance.now(),
      outcome: undefined,
      isOverdue: false,
      isGivenUp: false,
    }
    this.#out.add(call)
    this.#startedMillis = call.startedMillis
    const timer = setTimeout(() => this.#overdue(call), this.timeoutMillis)
    timer.unref()
    void callExport(this.#exporter, metrics, (answer) => this.#reportFurtherAnswer(answer)).then((outcome) => {
      clearTimeout(timer)
      this.#settle(call, outcome)
    })
    return call
  }

  #overdue(call: ExportCall): void {
    call.isOverdue = true
    this.#fail(`no answer within ${this.timeoutMillis} ms; waiting for it, a late success counts`)
    const giveUp = (): void => {
      if (call.outcome === undefined) this.#giveUp(call)
    }
    setTimeout(giveUp, Math.min((GIVEN_UP_AFTER_TIMEOUTS - 1) * this.timeoutMillis, LONGEST_TIMER_MILLIS)).unref()
    this.changed.notify()
  }

  #giveUp(call: ExportCall): void {
    const ageMillis = Math.round(performance.now() - call.startedMillis)
    report(
      'warn',
      `sluice: ${this.#name}: giving up on an export that has not called back for ${ageMillis} ms; what it held is sent again`,
    )
    call.isGivenUp = true
    this.#out.delete(call)
    this.#givenUp.add(call)
    this.#givenUpCount++
    this.onExported?.(ageMillis, 'timeout')
    for (const batch of call.batches) this.#unknown(batch)
    this.changed.notify()
  }

  /** Books the first answer of a call, whenever it comes. */
  #settle(call: ExportCall, outcome: Outcome): void {
    call.outcome = outcome
    this.#out.delete(call)
    if (!call.isGivenUp) {
      this.#givenUp = new WeakSet()
      this.#givenUpCount = 0
    } else if (this.#givenUp.delete(call)) {
      this.#givenUpCount--
    }
    if (!call.isGivenUp) this.onExported?.(performance.now() - call.startedMillis, errorTypeOf(outcome))
    if (outcome.type === 'delivered') this.#delivered(call)
    else this.#failed(call, outcome)
    this.changed.notify()
    if (call.isOverdue) this.onLateAnswer()
  }

  #delivered({ batches, isGivenUp }: ExportCall): void {
    this.#counts.lastSuccessUnixMillis = Date.now()
    this.#hopelessInARow = 0
    let isNews = false
    for (const batch of batches) {
      if (!isGivenUp) batch.callsOut--
      // It may have been delivered or superseded meanwhile, or lost at shutdown.
      if (batch.isFinished) continue
      isNews = true
      batch.state = 'delivered'
      this.#counts.deliveredPoints += batch.size
    }
    if (isNews) this.#succeed()
  }

  #failed({ batches, isOverdue, isGivenUp }: ExportCall, outcome: Exclude<Outcome, { type: 'delivered' }>): void {
    const { type, reason } = outcome
    this.#counts.lastError = reason
    // After it was given up only a success matters: the batch may be in another call by now.
    const concerned = isGivenUp ? [] : batches.filter((batch) => !batch.isFinished)
    if (!isGivenUp) for (const batch of batches) batch.callsOut--
    if (type === 'rejected' || concerned.length === 0) {
      if (!isOverdue) this.#counts.failures++
      for (const batch of concerned) this.#reject(batch, reason)
    } else if (type === 'too-large') {
      if (!isOverdue) this.#counts.failures++
      this.onTooLarge(batches.reduce((points, { size }) => points + size, 0))
      for (const batch of concerned) this.#tooLarge(batch, batches.length === 1, reason)
    } else {
      for (const batch of concerned) {
        if (type === 'unknown') this.#unknown(batch, false)
        else if (batch.callsOut === 0) batch.state = 'pending'
      }
      // One that is overdue was counted and reported then.
      if (!isOverdue) this.#fail(reason)
    }
  }

  #unknown(batch: Batch, isOut = true): void {
    if (isOut) batch.callsOut--
    if (batch.isFinished) return
    batch.markUnknown()
    batch.unknownOutcomes++
    batch.notBeforeMillis = performance.now() + this.#backoff.millisAfter(batch.unknownOutcomes)
    if (batch.callsOut === 0) batch.state = 'pending'
  }

  /** @param wasAlone whether nothing else was in the call */
  #tooLarge(batch: Batch, wasAlone: boolean, reason: string): void {
    if (batch.size > 1) {
      batch.split()
    } else if (wasAlone) {
      this.#hopelessInARow++
      this.#reject(batch, reason)
    } else if (batch.callsOut === 0) {
      batch.state = 'pending'
      // As the halves of others, it has not been sent by itself.
      batch.lastCall = 0
    }
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
    if (this.#failuresInARow++ > 0) return
    const held = this.#heldPoints()
    report('warn', `sluice: ${this.#name}: export failed, ${held} points are held and sent again: ${reason}`)
  }

  #succeed(): void {
    const failuresInARow = this.#failuresInARow
    this.#failuresInARow = 0
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
