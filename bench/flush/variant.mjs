// One variant of the flush table, in a process of its own: node --expose-gc variant.mjs KIND READER SERIES
import { PerformanceObserver } from 'node:perf_hooks'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { longestOutside, watchEventLoop } from './event-loop.mjs'

const [kind, readerName, seriesText] = process.argv.slice(2)
const SERIES = Number(seriesText)
const WARM_UP = 3
const ROUNDS = 5

const exports = []
const exporter = (temporality) => ({
  selectAggregationTemporality: () => temporality,
  export: (_metrics, done) => {
    exports.push(performance.now())
    done({ code: 0 })
  },
  forceFlush: async () => {},
  shutdown: async () => {},
})
const exporters = [exporter(AggregationTemporality.DELTA), exporter(AggregationTemporality.CUMULATIVE)]

/** Times what the SDK does in collect(), from outside. */
const collects = []
let collectCpuMicros = 0
function timed(reader) {
  const register = reader.setMetricProducer.bind(reader)
  reader.setMetricProducer = (sdk) =>
    register({
      async collect(options) {
        const cpu = process.cpuUsage()
        const start = performance.now()
        const result = await sdk.collect(options)
        collects.push([start, performance.now()])
        const { user, system } = process.cpuUsage(cpu)
        collectCpuMicros += user + system
        return result
      },
    })
  return reader
}

const day = 86_400_000
const limits = { cardinalityLimits: { default: SERIES + 1 }, exportIntervalMillis: day, exportTimeoutMillis: day }
const readers =
  readerName === 'sluice'
    ? [
        timed(
          new BufferingMetricReader({
            ...limits,
            adapters: exporters.map((each) => new PushExporterAdapter(each)),
            collectTimeoutMillis: day,
          }),
        ),
      ]
    : exporters.map((each) =>
        timed(new PeriodicExportingMetricReader({ ...limits, exporter: each, maxExportBatchSize: 8192 })),
      )

const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM }
const provider = new MeterProvider({
  readers,
  views: kind === 'exponential' ? [{ instrumentName: 'm', aggregation, aggregationCardinalityLimit: SERIES + 2 }] : [],
})
const meter = provider.getMeter('bench')
const instrument = kind === 'counter' ? meter.createCounter('m') : meter.createHistogram('m')
const attributes = Array.from({ length: SERIES }, (_, i) => ({
  route: `/r${i % 100}`,
  status: 200 + (i % 5),
  user: `u${i}`,
}))

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const collections = []
const pauses = []
const gcObserver = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) pauses.push([startTime, startTime + duration])
})
gcObserver.observe({ entryTypes: ['gc'] })

const rest = []
const holds = []
const collectHolds = []
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  for (let i = 0; i < SERIES; i++) {
    if (kind === 'counter') instrument.add(1, attributes[i])
    else instrument.record((i * 7) % 9000, attributes[i])
  }
  globalThis.gc()
  await new Promise((resolve) => setTimeout(resolve, 20))
  collects.length = pauses.length = 0
  collectCpuMicros = 0
  const loop = watchEventLoop()
  const cpu = process.cpuUsage()
  // One after the other, as the CPU time of two at once could not be told apart.
  for (const reader of readers) await reader.forceFlush()
  const { user, system } = process.cpuUsage(cpu)
  const gaps = await loop.stop()
  // The observer tells of pauses a little later.
  await new Promise((resolve) => setTimeout(resolve, 20))
  if (round < WARM_UP) continue
  collections.push(collectCpuMicros / 1000)
  rest.push((user + system - collectCpuMicros) / 1000)
  collectHolds.push(Math.max(...collects.map(([start, end]) => end - start)))
  holds.push(longestOutside(gaps, [...collects, ...pauses]))
}
gcObserver.disconnect()
process.stdout.write(
  JSON.stringify({
    collectCpu: median(collections),
    restCpu: median(rest),
    collectHold: median(collectHolds),
    ownHold: Math.max(...holds),
    gcPause: Math.max(0, ...pauses.map(([start, end]) => end - start)),
  }),
)
process.exit(0)
