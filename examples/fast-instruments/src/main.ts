// A stream consumer that counts and times every message through the fast instruments, and sends its metrics over OTLP to
// OTEL_EXPORTER_OTLP_ENDPOINT, by default http://localhost:4318.

import { DiagConsoleLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

// Failed exports are reported here, once per outage.
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN)

const exporter = new OTLPMetricExporter({
  temporalityPreference: AggregationTemporality.DELTA,
  // Sluice keeps what fails and sends it again, so the exporter itself need not insist for long.
  timeoutMillis: 2_000,
})
const reader = new BufferingMetricReader({ adapters: [new PushExporterAdapter(exporter)], exportIntervalMillis: 5_000 })
// It starts the reader, ends it, and gives the resource. Instruments of its own would arrive in the same exports.
const provider = new MeterProvider({ readers: [reader] })

const meter = reader.buffer.getMeter('consumer')
const messages = meter.createCounter('consumer.messages', { description: 'Messages consumed' })
// Bound once: recording then looks nothing up.
const consumed = { orders: messages.bind({ topic: 'orders' }), refunds: messages.bind({ topic: 'refunds' }) }
const waits = meter.createHistogram('consumer.message.wait', {
  description: 'How long a message waited to be consumed',
  unit: 's',
  advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1] },
})

interface Message {
  readonly topic: keyof typeof consumed
  readonly sentMillis: number
}
/** What has come and is not consumed yet. */
const stream: Message[] = []
let sent = 0
const lag = meter.createObservableGauge('consumer.lag', { description: 'Messages that wait', unit: '{message}' })
lag.addCallback((result) => result.observe(stream.length))

function send(): void {
  stream.push({ topic: sent++ % 10 === 0 ? 'refunds' : 'orders', sentMillis: performance.now() })
}

function consume(): void {
  for (const { topic, sentMillis } of stream.splice(0)) {
    consumed[topic].add(1)
    waits.record((performance.now() - sentMillis) / 1_000)
  }
}

/** Delivers what is left and says what came of it; the exit code is 1 when something is lost. */
async function end(): Promise<void> {
  await provider.shutdown().catch((error: Error) => console.error(error.message))
  const { deliveredPoints, lostPoints } = reader.stats().adapters[0].stats
  const lost = lostPoints.shutdown + lostPoints.rejected
  console.log(`${deliveredPoints} data points delivered, ${lost} lost`)
  process.exitCode = lost > 0 ? 1 : 0
}

if (process.argv.includes('--once')) {
  for (let i = 0; i < 100; i++) send()
  consume()
  await end()
} else {
  const timers = [setInterval(send, 1), setInterval(consume, 20)]
  let isStopping = false
  const stop = () => {
    // A signal may come twice: npm passes on what the terminal has sent already.
    if (isStopping) return
    isStopping = true
    for (const timer of timers) clearInterval(timer)
    consume()
    void end()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  console.log('Consuming messages; Ctrl-C stops')
}
