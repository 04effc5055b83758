import { metrics } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

/**
 * The same for both readers. The defaults are 60 s, 30 s and, for the exporter's own time-out and retries, 10 s: here all
 * is short, so that outages of seconds do what outages of minutes do there. So is Sluice's backoff, of up to 30 s.
 */
const TIMES = { exportIntervalMillis: 500, exportTimeoutMillis: 500 }
const EXPORTER_TIMEOUT_MILLIS = 400
const RETRY = { initialBackoffMillis: 100, maxBackoffMillis: 250 }

function otlpExporter(url: string): OTLPMetricExporter {
  return new OTLPMetricExporter({
    url,
    timeoutMillis: EXPORTER_TIMEOUT_MILLIS,
    temporalityPreference: AggregationTemporality.DELTA,
  })
}

export interface Pipelines {
  readonly provider: MeterProvider
  readonly sluice: BufferingMetricReader
  /** Serves the scrapes; it has a server of its own, which is not started. */
  readonly prometheus: PrometheusExporter
}

/** One MeterProvider with two readers that see the same measurements, made global together with the instrumentations. */
export function startPipelines(sluiceUrl: string, stockUrl: string): Pipelines {
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const sluice = new BufferingMetricReader({
    adapters: [new PushExporterAdapter(otlpExporter(sluiceUrl), { retry: RETRY }), new PullExporterAdapter(prometheus)],
    ...TIMES,
  })
  const stock = new PeriodicExportingMetricReader({ exporter: otlpExporter(stockUrl), ...TIMES })
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    readers: [sluice, stock],
  })
  metrics.setGlobalMeterProvider(provider)
  registerInstrumentations({
    meterProvider: provider,
    instrumentations: [
      // The shop calls nobody: all that goes out of this process are its own metrics.
      new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true }),
      new RuntimeNodeInstrumentation(),
    ],
  })
  return { provider, sluice, prometheus }
}
