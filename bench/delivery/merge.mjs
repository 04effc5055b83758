// One turn while the exporter is down: node --expose-gc merge.mjs nothing|held KIND SERIES
import { PerformanceObserver } from 'node:perf_hooks'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { longestOutside, watchEventLoop } from '../flush/event-loop.mjs'
import { median } from '../record/median.mjs'
import { readerOptions, recordingInto } from './data.mjs'
import { NothingAdapter } from './plain-adapter.mjs'

const [variant, kind, seriesText] = process.argv.slice(2)
const SERIES = Number(seriesText)
const WARM_UP = 4
const ROUNDS = 7

const silent = { error() {}, warn() {}, info() {}, debug() {}, verbose() {} }
diag.setLogger(silent, DiagLogLevel.ERROR)
const exporter = {
  selectAggregationTemporality: () => AggregationTemporality.DELTA,
  export: (_metrics, done) => done({ code: 1, error: Object.assign(new Error('down'), { code: 'ECONNREFUSED' }) }),
  forceFlush: async () => {},
  shutdown: async () => {},
}
const adapter = variant === 'held' ? new PushExporterAdapter(exporter) : new NothingAdapter(exporter)
const reader = new BufferingMetricReader({ ...readerOptions(SERIES), adapters: [adapter] })
new MeterProvider({ readers: [reader] })
const record = recordingInto(reader.buffer.getMeter('bench'), kind, SERIES)

const pauses = []
const gcObserver = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) pauses.push([startTime, startTime + duration])
})
gcObserver.observe({ entryTypes: ['gc'] })

// The sealed parcel that is held, and the points of the open one: all later turns merge into them.
for (let i = 0; i < 2; i++) {
  record()
  await (i === 0 ? reader.forceFlush().catch(() => {}) : reader.flush())
}

async function round(watching) {
  record()
  globalThis.gc()
  await new Promise((resolve) => setTimeout(resolve, 20))
  pauses.length = 0
  const loop = watching ? watchEventLoop() : undefined
  const before = process.cpuUsage()
  await reader.flush()
  const { user, system } = process.cpuUsage(before)
  const gaps = await loop?.stop()
  // The observer tells of pauses a little later.
  await new Promise((resolve) => setTimeout(resolve, 20))
  return watching ? longestOutside(gaps, pauses) : (user + system) / 1000
}

for (let i = 0; i < WARM_UP; i++) await round(false)
// To watch the event loop costs CPU time of its own.
const cpu = []
for (let i = 0; i < ROUNDS; i++) cpu.push(await round(false))
const holds = []
for (let i = 0; i < ROUNDS; i++) holds.push(await round(true))
gcObserver.disconnect()

const { pendingPoints, mergedPoints } = reader.stats().adapters[0].stats
if (variant === 'held' && (pendingPoints !== 2 * SERIES || mergedPoints !== SERIES * (WARM_UP + 2 * ROUNDS))) {
  throw new Error(`${pendingPoints} points are held and ${mergedPoints} were merged`)
}
process.stdout.write(
  JSON.stringify({ cpuMillis: median(cpu), holdMillis: median(holds), longestHoldMillis: Math.max(...holds) }),
)
process.exit(0)
