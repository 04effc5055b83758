import type { Meter } from '@opentelemetry/api'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { type AdapterStats, BufferingMetricReader } from '@otel-sluice/processor'
import { vi } from 'vitest'
import { COLLECT_TIMEOUT, INTERVAL, type Instrument, type Program, type Step } from './program.ts'
import { type Call, ScriptedExporter, START_UNIX_MILLIS } from './scripted-exporter.ts'

/** How long to go on after the end, so that whatever is under way comes to its own. */
const QUIET_MILLIS = 100 * INTERVAL

/** A call of `forceFlush()` or `shutdown()`. Times in ms since the start of the run. */
export interface Wait {
  readonly what: 'forceFlush' | 'shutdown'
  readonly startedMillis: number
  readonly timeoutMillis: number | undefined
  settledMillis?: number
}

/** What one reader has made of a program. */
export interface Run {
  readonly calls: readonly Call[]
  readonly waits: readonly Wait[]
  /** What was sent after it does not count. */
  readonly deadlineMillis: number
  /** Where the process has not lived to the end of the program. */
  readonly killedMillis?: number
  /** Ours only. */
  readonly stats: AdapterStats | undefined
}

/** The reader under a program, of whichever make. */
interface Subject {
  readonly exporter: ScriptedExporter
  readonly meter: Meter
  readonly reader: Pick<BufferingMetricReader, 'forceFlush' | 'shutdown'>
  stats(): AdapterStats | undefined
}

export function runStock(program: Program): Promise<Run> {
  return run(program, () => {
    const exporter = new ScriptedExporter(program)
    const reader = new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: INTERVAL,
      exportTimeoutMillis: program.timeoutMillis,
    })
    const meter = new MeterProvider({ readers: [reader] }).getMeter('law')
    return { exporter, reader, meter, stats: () => undefined }
  })
}

export function runOurs(program: Program): Promise<Run> {
  return run(program, () => {
    const exporter = new ScriptedExporter(program)
    const { maxExportBatchSize } = program
    const reader = new BufferingMetricReader({
      adapters: [new PushExporterAdapter(exporter, { maxExportBatchSize })],
      exportIntervalMillis: INTERVAL,
      exportTimeoutMillis: program.timeoutMillis,
      collectTimeoutMillis: COLLECT_TIMEOUT,
    })
    const provider = new MeterProvider({ readers: [reader] })
    const meter = (program.throughBuffer ? reader.buffer : provider).getMeter('law')
    return { exporter, reader, meter, stats: () => reader.stats().adapters[0]!.stats }
  })
}

async function run(program: Program, create: () => Subject): Promise<Run> {
  const { random } = Math
  vi.useFakeTimers({ now: START_UNIX_MILLIS })
  try {
    let throws = 0
    Math.random = () => program.jitter[throws++ % program.jitter.length]!
    const { exporter, meter, reader, stats } = create()
    const record = recorderOf(meter)
    const waits: Wait[] = []
    const start = (what: Wait['what'], timeoutMillis: number | undefined) => {
      const wait: Wait = { what, startedMillis: performance.now(), timeoutMillis }
      waits.push(wait)
      const settle = () => {
        wait.settledMillis = performance.now()
      }
      reader[what](timeoutMillis === undefined ? undefined : { timeoutMillis }).then(settle, settle)
    }
    const take = async (steps: readonly Step[]) => {
      for (const step of steps) {
        await advance(step.afterMillis)
        if (step.do === 'record') record(step.instrument, step.series, step.value)
        else start(step.do, step.timeoutMillis)
      }
    }
    await take(program.steps)
    const { afterMillis, timeoutMillis } = program.shutdown
    await advance(afterMillis)
    if (program.isKilled) {
      // What was to be ingested later was on its way from this process: its timers are dropped.
      const killedMillis = performance.now()
      return { calls: exporter.calls, waits, deadlineMillis: killedMillis, killedMillis, stats: stats() }
    }
    start('shutdown', timeoutMillis)
    const deadlineMillis = performance.now() + (timeoutMillis ?? Number.POSITIVE_INFINITY)
    await take(program.lateSteps)
    await advance(QUIET_MILLIS)
    return { calls: exporter.calls, waits, deadlineMillis, stats: stats() }
  } finally {
    Math.random = random
    vi.useRealTimers()
  }
}

function recorderOf(meter: Meter): (instrument: Instrument, series: number, value: number) => void {
  const counter = meter.createCounter('counter')
  const upDown = meter.createUpDownCounter('upDown')
  const histogram = meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [10] } })
  const gauge = meter.createGauge('gauge')
  let sets = 0
  return (instrument, series, value) => {
    const attributes = { series }
    if (instrument === 'counter') counter.add(value, attributes)
    else if (instrument === 'upDown') upDown.add(value, attributes)
    else if (instrument === 'histogram') histogram.record(value, attributes)
    // Each value once, so that an older one is never taken for the last.
    else gauge.record(++sets, attributes)
  }
}

const { setImmediate: nextRound } = globalThis

/**
 * Lets fake time pass, timer by timer. As `vi.advanceTimersByTimeAsync`, which waits a real millisecond for every timer:
 * here promises come to rest within one round of the event loop.
 */
async function advance(millis: number): Promise<void> {
  await atRest()
  if (millis === 0) return
  let isThere = false
  setTimeout(() => {
    isThere = true
  }, millis)
  while (!isThere) {
    vi.advanceTimersToNextTimer()
    await atRest()
  }
}

function atRest(): Promise<void> {
  return new Promise((resolve) => nextRound(() => resolve()))
}
