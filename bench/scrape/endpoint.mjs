// An endpoint with so many counters, and its port on a line: node endpoint.mjs SERIES. Ends with its parent.
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { attributesOf } from './recording.mjs'

const SERIES = Number(process.argv[2])
const endpoint = new PrometheusEndpoint({ port: 0, host: '127.0.0.1' })
const reader = new BufferingMetricReader({ adapters: [endpoint], cardinalityLimits: { default: SERIES + 1 } })
new MeterProvider({ readers: [reader] })
const counter = reader.buffer.getMeter('bench').createCounter('m')
for (const attributes of attributesOf(SERIES)) counter.add(1, attributes)
const { port } = await endpoint.ready
process.stdin.on('data', () =>
  console.log(JSON.stringify({ turns: reader.stats().turns, scrapes: endpoint.stats().attempts })),
)
process.stdin.on('end', () => process.exit(0))
console.log(JSON.stringify({ port }))
