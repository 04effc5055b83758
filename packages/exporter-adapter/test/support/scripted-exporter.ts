import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { AggregationTemporality, type InstrumentType } from '@opentelemetry/sdk-metrics'
import { Receiver } from './receiver.ts'

/** What a scripted exporter does with a call. `…After` means: the receiver has taken the batch in before the fault. */
export type Answer =
  | 'success'
  /** The connection is refused. */
  | 'failBefore'
  | 'failAfter'
  /** FAILED without a word. */
  | 'failPlain'
  | 'throwBefore'
  /** As an async function throws. */
  | 'rejectPromise'
  /** The receiver will never take it. */
  | 'reject'
  | 'hang'
  /** Success, and then FAILED. */
  | 'twice'
  /** The first, third, … call fails. */
  | 'flap'
  /** Success, so many ms later. */
  | { readonly afterMillis: number }

export interface HangingCall {
  readonly metrics: ResourceMetrics
  readonly startedMillis: number
  succeed(): void
  fail(): void
  reject(): void
  /** @param error default: as over HTTP */
  refuse(error?: Error): void
}

const REFUSED = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const REJECTED = Object.assign(new Error('Bad Request'), { code: 400 })

/** An exporter whose faults the test decides, in front of a receiver that checks what arrives. */
export class ScriptedExporter implements PushMetricExporter {
  answer: Answer = 'success'
  #flaps = 0
  readonly receiver: Receiver
  readonly rejected: Receiver
  readonly calls: ResourceMetrics[] = []
  readonly hanging: HangingCall[] = []
  rejectedAnything = false
  rejectedPoints = 0
  running = 0
  /** Age in ms of the youngest call that was still running when another one started, and of that with the same points. */
  youngestBeside = Number.POSITIVE_INFINITY
  youngestTwin = Number.POSITIVE_INFINITY
  forceFlushes = 0
  shutdowns = 0
  readonly #temporality: (kind: InstrumentType) => AggregationTemporality

  constructor(
    temporality:
      | AggregationTemporality
      | ((kind: InstrumentType) => AggregationTemporality) = AggregationTemporality.DELTA,
    receiver = new Receiver(),
    rejected = new Receiver(receiver),
  ) {
    this.receiver = receiver
    this.rejected = rejected
    this.#temporality = typeof temporality === 'function' ? temporality : () => temporality
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    return this.#temporality(kind)
  }

  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void | Promise<void> {
    const nowMillis = performance.now()
    for (const each of [this.receiver, this.rejected]) each.tried(metrics)
    const windows = new Set(windowsIn(metrics))
    for (const other of this.hanging) {
      const ageMillis = nowMillis - other.startedMillis
      this.youngestBeside = Math.min(this.youngestBeside, ageMillis)
      if (windowsIn(other.metrics).some((window) => windows.has(window))) {
        this.youngestTwin = Math.min(this.youngestTwin, ageMillis)
      }
    }
    this.calls.push(metrics)
    const { answer } = this
    if (typeof answer === 'object') {
      const call = this.#hang(metrics, done, nowMillis)
      setTimeout(() => {
        // The test may have had it settled before.
        if (this.hanging.includes(call)) call.succeed()
      }, answer.afterMillis)
      return
    }
    switch (answer) {
      case 'success':
        this.receiver.take(metrics)
        done({ code: 0 })
        break
      case 'failBefore':
        done({ code: 1, error: REFUSED })
        break
      case 'failAfter':
        this.receiver.take(metrics)
        done({ code: 1, error: new Error('socket hang up') })
        break
      case 'failPlain':
        done({ code: 1 })
        break
      case 'twice':
        this.receiver.take(metrics)
        done({ code: 0 })
        done({ code: 1, error: new Error('second thoughts') })
        break
      case 'flap':
        if (this.#flaps++ % 2 === 0) return done({ code: 1 })
        this.receiver.take(metrics)
        done({ code: 0 })
        break
      case 'rejectPromise':
        return Promise.reject(new Error('the exporter rejected'))
      case 'throwBefore':
        throw new Error('the exporter threw')
      case 'reject':
        this.rejected.take(metrics)
        this.rejectedAnything = true
        this.rejectedPoints += pointsIn(metrics)
        done({ code: 1, error: REJECTED })
        break
      case 'hang':
        this.#hang(metrics, done, nowMillis)
    }
  }

  #hang(
    metrics: ResourceMetrics,
    done: (result: { code: number; error?: Error }) => void,
    startedMillis: number,
  ): HangingCall {
    this.running++
    const settle = (result: { code: number; error?: Error }) => {
      this.running--
      this.hanging.splice(this.hanging.indexOf(call), 1)
      if (result.code === 0) this.receiver.take(metrics)
      done(result)
    }
    const call: HangingCall = {
      metrics,
      startedMillis,
      succeed: () => settle({ code: 0 }),
      fail: () => settle({ code: 1, error: new Error('socket hang up') }),
      reject: () => settle({ code: 1, error: REJECTED }),
      refuse: (error = REFUSED) => settle({ code: 1, error }),
    }
    this.hanging.push(call)
    return call
  }

  async forceFlush(): Promise<void> {
    this.forceFlushes++
  }

  async shutdown(): Promise<void> {
    this.shutdowns++
  }
}

export function pointsIn({ scopeMetrics }: ResourceMetrics): number {
  return scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .reduce((points, { dataPoints }) => points + dataPoints.length, 0)
}

/** The windows of all points, each with its series. */
function windowsIn({ scopeMetrics }: ResourceMetrics): string[] {
  return scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, startTime, endTime }) =>
        JSON.stringify([descriptor.name, attributes, startTime, endTime]),
      ),
    )
}
