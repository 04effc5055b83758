// A small shop that sends its metrics over OTLP to OTEL_EXPORTER_OTLP_ENDPOINT, by default http://localhost:4318.
// Stop the collector and start it again: no order is missing afterwards.

import { DiagConsoleLogger, DiagLogLevel, diag, metrics } from '@opentelemetry/api'
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
const provider = new MeterProvider({ readers: [reader] })
metrics.setGlobalMeterProvider(provider)

const meter = metrics.getMeter('shop')
const orders = meter.createCounter('shop.orders', { description: 'Orders taken' })
const amounts = meter.createHistogram('shop.order.amount', { description: 'What an order came to', unit: 'EUR' })

function takeOrder(): void {
  orders.add(1, { item: Math.random() < 0.5 ? 'tea' : 'coffee' })
  amounts.record(Math.ceil(Math.random() * 100))
}

/** Says what came of it, once the last delivery is over; the exit code is 1 when something is left. */
async function report(end: Promise<void>): Promise<void> {
  await end.catch((error: Error) => console.error(error.message))
  const { deliveredPoints, pendingPoints, lostPoints, lastError } = reader.stats().adapters[0].stats
  const undelivered = pendingPoints + lostPoints.shutdown + lostPoints.rejected
  const reason = undelivered > 0 ? ` (${lastError})` : ''
  console.log(`${deliveredPoints} data points delivered, ${undelivered} undelivered${reason}`)
  process.exitCode = undelivered > 0 ? 1 : 0
}

if (process.argv.includes('--once')) {
  for (let i = 0; i < 100; i++) takeOrder()
  await report(provider.forceFlush())
} else {
  const customers = setInterval(takeOrder, 10)
  let isStopping = false
  const stop = () => {
    // A signal may come twice: npm passes on what the terminal has sent already.
    if (isStopping) return
    isStopping = true
    clearInterval(customers)
    void report(provider.shutdown())
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  console.log('Taking orders; Ctrl-C stops')
}
