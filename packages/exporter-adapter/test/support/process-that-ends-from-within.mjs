// A program that records into its buffer and through the SDK, has a turn, and is ended by a callback of its own in the middle
// of it, each time that is called from then on. It runs on the built packages. On its standard output it says, a JSON value a
// line, how often the callback was called in all.

import { writeSync } from 'node:fs'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'

const { where, atCall, spoolDirectory, series, temporality } = JSON.parse(process.argv[2])

let calls = 0
/** The application ends its process in this place. */
function here(place) {
  if (place === where && ++calls >= atCall) process.exit(7)
}

const write = (message) => {
  console.error(message)
  here('the logger')
}
diag.setLogger({ error: write, warn: write, info: write, debug: write, verbose: write }, DiagLogLevel.WARN)

/** An adapter of the application's own, which has its pass before the other. */
const own = {
  name: 'own',
  selectAggregationTemporality: () => AggregationTemporality.DELTA,
  selectAggregation: () => ({ type: AggregationType.DEFAULT }),
  attach: () => {},
  absorb: () => here('absorb'),
  persist: async () => here('persist'),
  deliver: async () => here('deliver'),
  shutdown: async () => {},
  stats: () => {
    here('stats')
    return {}
  },
}
const receiver = new PushExporterAdapter(
  {
    selectAggregationTemporality: () => AggregationTemporality[temporality],
    export: (_metrics, done) => {
      here('export')
      done({ code: 1 })
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  },
  { name: 'receiver', spoolDirectory },
)

const buffer = new MetricsBuffer()
const isOfBuffer = (name) => name === 'recorded'
const reader = new BufferingMetricReader({
  adapters: [own, receiver],
  buffer,
  exportIntervalMillis: 3_600_000,
  cardinalityLimits: { default: series },
  flushOnExit: true,
  selfObservation: where === 'stats',
  metricFilter: {
    testMetric: (_scope, name) => {
      here(isOfBuffer(name) ? 'testMetric of the buffer' : 'testMetric of the SDK')
      return 'acceptPartial'
    },
    testAttributes: (_scope, name) => {
      here(isOfBuffer(name) ? 'testAttributes of the buffer' : 'testAttributes of the SDK')
      if (where === 'the logger') throw new Error('there is a line to be written')
      return 'accept'
    },
  },
  processors: [
    {
      name: 'own',
      processMetric: (metric) => {
        here('processMetric')
        return metric
      },
      processAttributes: (attributes) => {
        here('processAttributes')
        return attributes
      },
    },
  ],
  metricProducers:
    where === 'a producer'
      ? [
          {
            collect: async () => {
              here('a producer')
              return { resourceMetrics: { scopeMetrics: [] }, errors: [] }
            },
          },
        ]
      : [],
})
const provider = new MeterProvider({ readers: [reader], resource: resourceFromAttributes({ 'service.name': 'shop' }) })
// After the reader's: whoever ends the process once more in the middle of its save keeps this from being called.
process.once('exit', () => writeSync(1, `${JSON.stringify({ calls })}\n`))

if (where === 'a callback') {
  buffer
    .getMeter('test')
    .createObservableGauge('observed')
    .addCallback(() => here('a callback'))
}
const counter = buffer.getMeter('test').createCounter('recorded')
const sdkCounter = provider.getMeter('test').createCounter('recorded_by_the_sdk')
for (let i = 0; i < series; i++) {
  counter.add(1, { i })
  sdkCounter.add(1, { i })
}
if (where === 'a getter') {
  // The SDK keeps these objects, and the reader is the first to look at them again.
  let isRecorded = false
  const moody = (i) => ({
    get i() {
      if (isRecorded && i >= atCall - 1) {
        calls++
        process.exit(7)
      }
      return i
    },
  })
  const keeping = provider.getMeter('test').createCounter('kept_by_the_sdk')
  for (let i = 0; i < series; i++) keeping.add(1, moody(i))
  isRecorded = true
}
await reader.forceFlush()
process.exit(3)
