import { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics'
import type { PushExporterAdapterOptions } from '@otel-sluice/exporter-adapter'
import { vi } from 'vitest'
import { INTERVAL, pushPipeline, TIMEOUT } from './pipeline.ts'
import { type Answer, ScriptedExporter } from './scripted-exporter.ts'

/** What goes wrong with every Export call while the fault lasts. */
export const FAULTS = {
  'returns FAILED': 'failPlain',
  'is refused': 'failBefore',
  'is rejected for good': 'reject',
  throws: 'throwBefore',
  rejects: 'rejectPromise',
  'never calls back': 'hang',
  'succeeds late': { afterMillis: 1.5 * TIMEOUT },
  'answers twice': 'twice',
  'is slow': { afterMillis: 0.8 * TIMEOUT },
  flaps: 'flap',
} as const satisfies Record<string, Answer>

export const TEMPORALITIES = {
  delta: () => AggregationTemporality.DELTA,
  cumulative: () => AggregationTemporality.CUMULATIVE,
  /** What OTLP exporters mean by a delta preference. */
  mixed: (kind: InstrumentType) =>
    kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
}

/** Who asks for the delivery: the interval, `forceFlush({ timeoutMillis: 300 })`, `shutdown({ timeoutMillis: 2000 })`. */
export type Way = 'plain' | 'forceFlush' | 'shutdown'

/** In data points: delivered, held, lost (rejected + at shutdown), outcome unknown (batches). */
export type Account = readonly [delivered: number, held: number, lost: number, unknown: number]

/** What one case came to. */
export interface Outcome {
  /** When two values have been recorded and twice been asked for under the fault; in a shutdown, one and once. */
  readonly during: Account
  /** When the fault has been over for an interval, or for six where a call hangs. */
  readonly after: Account
  /** What the receiver adds the counter up to by then. 3 were recorded, 1 before a shutdown. */
  readonly arrived: number
  readonly calls: number
}

/** Runs one case by fake time. Backoff doubles from 300 ms: the jitter, half of 600 ms at first, is left out. */
export async function runCase(
  fault: keyof typeof FAULTS,
  temporality: keyof typeof TEMPORALITIES,
  way: Way,
  options: PushExporterAdapterOptions = {},
) {
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  const exporter = new ScriptedExporter(TEMPORALITIES[temporality])
  const { reader, counter, meter, stats } = pushPipeline(exporter, {
    retry: { initialBackoffMillis: 600 },
    ...options,
  })
  const upDown = meter.createUpDownCounter('upDown')
  const settled: PromiseSettledResult<void>[] = []
  const account = (): Account => {
    const { deliveredPoints, pendingPoints, lostPoints, outcomeUnknown } = stats()
    return [deliveredPoints, pendingPoints, lostPoints.rejected + lostPoints.shutdown, outcomeUnknown]
  }
  const record = (value: number) => {
    counter.add(value)
    if (temporality === 'mixed') upDown.add(value)
  }
  const ask = async () => {
    if (way === 'plain') return vi.advanceTimersByTimeAsync(INTERVAL)
    const asked =
      way === 'forceFlush' ? reader.forceFlush({ timeoutMillis: 300 }) : reader.shutdown({ timeoutMillis: 2_000 })
    const [[answer]] = await Promise.all([
      Promise.allSettled([asked]),
      vi.advanceTimersByTimeAsync(way === 'forceFlush' ? 300 : 2_000),
    ])
    settled.push(answer!)
  }

  exporter.answer = FAULTS[fault]
  record(1)
  await ask()
  if (way !== 'shutdown') {
    record(2)
    await ask()
  }
  const during = account()
  exporter.answer = 'success'
  // A call that hangs is given up after five intervals, which are ten time-outs.
  await vi.advanceTimersByTimeAsync((fault === 'never calls back' ? 6 : 1) * INTERVAL)
  const after = account()
  const outcome: Outcome = { during, after, arrived: exporter.receiver.total('counter'), calls: exporter.calls.length }
  return { outcome, exporter, stats: stats(), settled }
}
