import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { type Answer, INTERVAL, type Program, type State } from './program.ts'

/** Where the fake time of every run starts, in ms since the epoch. */
export const START_UNIX_MILLIS = 1_700_000_000_000

/** A data point as it was sent. Times in µs since the start of the run; histograms as their count. */
export interface SentPoint {
  readonly series: string
  readonly kind: 'delta' | 'cumulative' | 'gauge'
  /** Whether the exporter asked for it as delta: then a resend is identical. */
  readonly isDelta: boolean
  readonly start: number
  readonly end: number
  readonly value: number
}

/** A call of `export`, and what became of it. Times in ms since the start of the run. */
export interface Call {
  readonly startedMillis: number
  readonly points: readonly SentPoint[]
  readonly state: State
  ingestedMillis?: number
  answeredMillis?: number
}

const CUT = new Error('socket hang up')
const FAILURES: Partial<Record<Answer, { readonly error: Error }>> = {
  refused: { error: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) },
  unavailable: { error: Object.assign(new Error('Service Unavailable'), { code: 503 }) },
  tooLarge: { error: Object.assign(new Error('Payload Too Large'), { code: 413 }) },
  rejected: { error: Object.assign(new Error('Bad Request'), { code: 400 }) },
  failedByGateway: { error: Object.assign(new Error('Gateway Timeout'), { code: 504 }) },
  failed: { error: CUT },
}

const TOO_LARGE: State = { answer: 'tooLarge', afterMillis: 0, ingests: 'never', forMillis: INTERVAL }

type Done = (result: { code: number; error?: Error }) => void

/** The exporter of one run and its receiver: what happens to a call is what the program says of the moment. Wants fake timers. */
export class ScriptedExporter implements PushMetricExporter {
  readonly calls: Call[] = []
  readonly #program: Program
  readonly #inFlight = new Set<Promise<unknown>>()

  constructor(program: Program) {
    this.#program = program
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    const { temporality } = this.#program
    const isCumulative =
      temporality === 'cumulative' || (temporality === 'mixed' && kind === InstrumentType.UP_DOWN_COUNTER)
    return isCumulative ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA
  }

  export(metrics: ResourceMetrics, done: Done): void | Promise<void> {
    const startedMillis = performance.now()
    const points = pointsOf(metrics)
    const { mostPoints = Number.POSITIVE_INFINITY } = this.#program
    const state = points.length > mostPoints ? TOO_LARGE : this.#stateAt(startedMillis)
    const call: Call = { startedMillis, points, state }
    this.calls.push(call)
    const ingest = () => {
      call.ingestedMillis = performance.now()
    }
    if (state.ingests === 'atOnce') ingest()
    if (state.answer === 'throws') {
      call.answeredMillis = startedMillis
      throw CUT
    }
    const settled = new Promise<void>((resolve, reject) => {
      const settle = () => {
        if (state.ingests === 'late') ingest()
        if (state.answer === 'never') return
        call.answeredMillis = performance.now()
        if (state.answer === 'rejects') return reject(CUT)
        resolve()
        give(state.answer, done)
      }
      if (state.afterMillis === 0) settle()
      else setTimeout(settle, state.afterMillis)
    })
    const over: Promise<unknown> = settled.catch(() => undefined).then(() => this.#inFlight.delete(over))
    this.#inFlight.add(over)
    if (state.answer === 'rejects') return settled
  }

  forceFlush(): Promise<void> {
    return this.#afterCalls()
  }

  shutdown(): Promise<void> {
    return this.#afterCalls()
  }

  /** As OTLP exporters wait, whose calls end by a time-out of their own. */
  async #afterCalls(): Promise<void> {
    if (!this.#program.waitsForCalls || this.#inFlight.size === 0) return
    await Promise.race([Promise.all(this.#inFlight), new Promise<void>((resolve) => setTimeout(resolve, 2 * INTERVAL))])
  }

  #stateAt(millis: number): State {
    const { states, statesAre } = this.#program
    if (statesAre === 'byCall') return states[Math.min(this.calls.length, states.length - 1)]!
    let untilMillis = 0
    for (const state of states) {
      untilMillis += state.forMillis
      if (millis < untilMillis) return state
    }
    return states.at(-1)!
  }
}

function give(answer: Answer, done: Done): void {
  const isSuccess = answer === 'success' || answer === 'twice'
  done({ code: isSuccess ? 0 : 1, ...FAILURES[answer] })
  if (answer === 'twice') done({ code: 1, error: CUT })
}

function pointsOf({ scopeMetrics }: ResourceMetrics): SentPoint[] {
  const points: SentPoint[] = []
  for (const { metrics } of scopeMetrics) {
    for (const { descriptor, dataPointType, aggregationTemporality, dataPoints } of metrics) {
      const isDelta = aggregationTemporality === AggregationTemporality.DELTA
      for (const { attributes, startTime, endTime, value } of dataPoints as DataPoint<number | { count: number }>[]) {
        points.push({
          series: seriesKey(descriptor.name, Number(attributes.series)),
          kind: dataPointType === DataPointType.GAUGE ? 'gauge' : isDelta ? 'delta' : 'cumulative',
          isDelta,
          start: micros(startTime),
          end: micros(endTime),
          value: typeof value === 'number' ? value : value.count,
        })
      }
    }
  }
  return points
}

export function seriesKey(name: string, series: number): string {
  return `${name}.${series}`
}

/** A series and the window of a point, in ms since the start of the run. */
export function windowKey({ series, start, end }: SentPoint): string {
  return `${series} (${start / 1_000}, ${end / 1_000}]`
}

function micros([seconds, nanoseconds]: readonly [number, number]): number {
  return (seconds - START_UNIX_MILLIS / 1_000) * 1_000_000 + nanoseconds / 1_000
}
