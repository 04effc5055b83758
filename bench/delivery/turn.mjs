// One turn with its delivery: node --expose-gc turn.mjs plain|push|spool sdk|buffer KIND SERIES DIRECTORY
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { median } from '../record/median.mjs'
import { readerOptions, recordingInto } from './data.mjs'
import { PlainAdapter } from './plain-adapter.mjs'

const [variant, source, kind, seriesText, directory] = process.argv.slice(2)
const SERIES = Number(seriesText)
const WARM_UP = 3
const ROUNDS = source === 'sdk' ? 5 : 15

let exportedPoints = 0
const exporter = {
  selectAggregationTemporality: () => AggregationTemporality.DELTA,
  export({ scopeMetrics }, done) {
    exportedPoints += scopeMetrics[0].metrics[0].dataPoints.length
    done({ code: 0 })
  },
  forceFlush: async () => {},
  shutdown: async () => {},
}
const spoolDirectory = variant === 'spool' ? mkdtempSync(join(directory, 'sluice-bench-')) : undefined
const adapter =
  variant === 'plain'
    ? new PlainAdapter(exporter)
    : new PushExporterAdapter(exporter, spoolDirectory && { spoolDirectory })
const reader = new BufferingMetricReader({ ...readerOptions(SERIES), adapters: [adapter] })
const provider = new MeterProvider({ readers: [reader] })
const record = recordingInto((source === 'sdk' ? provider : reader.buffer).getMeter('bench'), kind, SERIES)

const cpu = []
const wall = []
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  record()
  globalThis.gc()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const before = process.cpuUsage()
  const startedMillis = performance.now()
  await reader.forceFlush()
  const { user, system } = process.cpuUsage(before)
  if (round < WARM_UP) continue
  cpu.push((user + system) / 1000)
  wall.push(performance.now() - startedMillis)
}
const spoolError = reader.stats().adapters[0].stats.spoolError
if (exportedPoints !== SERIES * (WARM_UP + ROUNDS) || spoolError !== undefined) {
  throw new Error(`${exportedPoints} points were exported; ${spoolError ?? 'no spool error'}`)
}
if (spoolDirectory !== undefined) rmSync(spoolDirectory, { recursive: true })
process.stdout.write(JSON.stringify({ cpuMillis: median(cpu), wallMillis: median(wall) }))
process.exit(0)
