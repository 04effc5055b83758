import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { vi } from 'vitest'
import { TEMPORALITIES } from './fault-matrix.ts'
import { AT_ONCE, INTERVAL, TIMEOUT } from './pipeline.ts'
import { Receiver } from './receiver.ts'
import { ScriptedExporter } from './scripted-exporter.ts'
import { deadIdentity, directoryOfThisTest, forgetLivingSpools, openSpoolsWith, ProcessFs } from './spool-fs.ts'

/** When a process dies that has recorded 1 and 2 of two series, which go in batches of one point. */
export type Moment =
  | 'before its first turn'
  | 'while it saves a turn'
  | 'after a turn'
  | 'while it seals'
  | 'while a batch is out'
  | 'before a delivery is written down'
  | 'between two batches'

/** What the next one meets; a last one, where it is needed, meets a receiver that is well. */
export type Next =
  | 'is well'
  | 'is refused once'
  | 'fails once after it has arrived'
  | 'dies of the first batch'
  | 'dies of the second batch'

/**
 * - `acknowledged`: what the first process has recorded with a flush that resolved.
 * - `before`, `after`: what of it had arrived when it died, and in the end; doubles left out.
 * - `doubles`: points that arrived again, identically.
 * - `unknown`: batches that the later processes counted as possibly doubles.
 */
export type CrashOutcome = readonly [
  acknowledged: number,
  before: number,
  after: number,
  doubles: number,
  unknown: number,
  calls: number,
]

/** One process whose exporter stops with it. */
function processOn(spoolDirectory: string, temporality: keyof typeof TEMPORALITIES, receiver: Receiver, n: number) {
  const fs = new ProcessFs()
  const exporter = new ScriptedExporter(TEMPORALITIES[temporality], receiver)
  const hooks = { onExport: () => {} }
  openSpoolsWith(() => ({ fs, identity: deadIdentity(n) }))
  const adapter = new PushExporterAdapter(
    {
      selectAggregationTemporality: (kind) => exporter.selectAggregationTemporality(kind),
      export: (metrics, done) => {
        if (!fs.isDead) hooks.onExport()
        if (fs.isDead) return
        return exporter.export(metrics, done)
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    },
    { name: 'exporter', maxExportBatchSize: 1, retry: AT_ONCE, spoolDirectory },
  )
  const die = () => {
    fs.isDead = true
  }
  fs.onDeath = die
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    exportIntervalMillis: INTERVAL,
    exportTimeoutMillis: TIMEOUT,
  })
  const resource = resourceFromAttributes({ 'service.instance.id': `${n} ` })
  const meter = new MeterProvider({ readers: [reader], resource }).getMeter('test')
  return { fs, exporter, hooks, reader, meter, die, stats: () => adapter.stats() }
}

export async function runCrash(
  moment: Moment,
  temporality: keyof typeof TEMPORALITIES,
  next: Next,
): Promise<{ outcome: CrashOutcome; receiver: Receiver; left: number }> {
  const directory = directoryOfThisTest()
  const receiver = new Receiver()
  const first = processOn(directory, temporality, receiver, 0)
  const total = () => receiver.total('counter', { series: 0 }, '0 ') + receiver.total('counter', { series: 1 }, '0 ')
  const counter = first.meter.createCounter('counter')
  counter.add(1, { series: 0 })
  counter.add(2, { series: 1 })
  if (temporality === 'mixed') first.meter.createUpDownCounter('upDown').add(5)
  let acknowledged = 0
  let exports = 0
  if (moment === 'while it saves a turn') first.fs.diesInsteadOf = (name) => name === 'rename'
  if (moment !== 'before its first turn') {
    void first.reader.flush().then(() => {
      acknowledged = first.fs.isDead ? 0 : 3
    })
    await vi.advanceTimersByTimeAsync(0)
  }
  if (moment === 'while it seals') {
    first.fs.diesInsteadOf = (name, [, to]) => name === 'rename' && String(to).includes('sealed')
  }
  first.hooks.onExport = () => {
    exports++
    if (moment === 'while a batch is out') first.die()
    if (moment === 'before a delivery is written down') first.fs.diesAtCall = first.fs.calls
    if (moment === 'between two batches' && exports === 2) first.die()
  }
  const isBeforeDelivery = ['before its first turn', 'while it saves a turn', 'after a turn'].includes(moment)
  if (!isBeforeDelivery) await vi.advanceTimersByTimeAsync(INTERVAL)
  first.die()
  const before = total()

  let unknown = 0
  let calls = first.exporter.calls.length
  const follow = async (n: number, meets: Next) => {
    startAfresh()
    const process = processOn(directory, temporality, receiver, n)
    if (meets === 'is refused once') process.exporter.answer = 'failBefore'
    if (meets === 'fails once after it has arrived') process.exporter.answer = 'failAfter'
    const diesOf = { 'dies of the first batch': 1, 'dies of the second batch': 2 }[meets as string]
    let batches = 0
    process.hooks.onExport = () => {
      if (++batches === diesOf) process.fs.diesAtCall = process.fs.calls
    }
    await vi.advanceTimersByTimeAsync(INTERVAL)
    process.exporter.answer = 'success'
    await vi.advanceTimersByTimeAsync(INTERVAL)
    unknown += process.stats().outcomeUnknown
    calls += process.exporter.calls.length
    return process
  }
  const second = await follow(1, next)
  const last = next.startsWith('dies') ? await follow(2, 'is well') : second
  const { pendingPoints, spoolBytes } = last.stats()
  const outcome: CrashOutcome = [acknowledged, before, total(), receiver.resentIdentical, unknown, calls]
  return { outcome, receiver, left: pendingPoints + (spoolBytes ?? 0) }
}

/** The timers of a process that is dead are so as well, and so are its spools. */
function startAfresh(): void {
  forgetLivingSpools()
  const now = Date.now()
  vi.useRealTimers()
  vi.useFakeTimers({ now })
}
