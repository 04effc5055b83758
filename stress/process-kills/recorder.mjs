// A process that records and spools until it is killed, or one that only sends what others have left:
// node recorder.mjs SPOOL_DIRECTORY PORT INSTANCE (run | drain). Says `ack N` when a flush has resolved for N counts.
import http from 'node:http'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

const [spoolDirectory, port, instance, mode] = process.argv.slice(2)
const PER_ROUND = 20
const SERIES = 7

const post = (body) =>
  new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    request.on('error', reject)
    request.end(JSON.stringify(body))
  })

const exporter = (name, temporality) => ({
  selectAggregationTemporality: () => temporality,
  export({ resource, scopeMetrics }, done) {
    const points = scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, startTime, endTime, value }) => ({
          series: `${descriptor.name} ${attributes.k}`,
          start: micros(startTime),
          end: micros(endTime),
          value: typeof value === 'number' ? value : value.count,
        })),
      ),
    )
    post({ exporter: name, instance: resource.attributes.instance, points }).then(
      (code) =>
        done(code === 200 ? { code: 0 } : { code: 1, error: Object.assign(new Error(`status ${code}`), { code }) }),
      (error) => done({ code: 1, error }),
    )
  },
  async forceFlush() {},
  async shutdown() {},
})

/** Relative to a fixed day, so that microseconds stay exact. */
function micros([seconds, nanoseconds]) {
  return (seconds - 1_700_000_000) * 1_000_000 + nanoseconds / 1_000
}

const adapter = (name, temporality) =>
  new PushExporterAdapter(exporter(name, temporality), {
    name,
    spoolDirectory,
    maxExportBatchSize: 3,
    retry: { initialBackoffMillis: 5, maxBackoffMillis: 20 },
  })
const reader = new BufferingMetricReader({
  adapters: [adapter('delta', AggregationTemporality.DELTA), adapter('cumulative', AggregationTemporality.CUMULATIVE)],
  exportIntervalMillis: mode === 'drain' ? 1_000 : 15,
  exportTimeoutMillis: mode === 'drain' ? 1_000 : 15,
})
const resource = {
  attributes: { instance },
  asyncAttributesPending: false,
  merge: (other) => other ?? resource,
  getRawAttributes: () => [['instance', instance]],
}
const provider = new MeterProvider({ readers: [reader], resource })

if (mode === 'drain') {
  await reader.forceFlush()
  await provider.shutdown()
  const totals = reader.stats().adapters.map(({ name, stats }) => ({ name, ...stats }))
  process.stdout.write(`stats ${JSON.stringify(totals)}\n`)
} else {
  const meter = reader.buffer.getMeter('stress')
  const counter = meter.createCounter('counter')
  const histogram = meter.createHistogram('histogram')
  for (let total = 0; ; ) {
    for (let n = 0; n < PER_ROUND; n++) {
      counter.add(1, { k: n % SERIES })
      histogram.record(n, { k: n % SERIES })
    }
    total += PER_ROUND
    await reader.flush()
    // While the disk fails, nobody promises anything.
    if (reader.stats().adapters.every(({ stats }) => stats.spoolError === undefined))
      process.stdout.write(`ack ${total}\n`)
    if (Math.random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
  }
}
