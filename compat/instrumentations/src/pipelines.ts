import type { MeterProvider as ApiMeterProvider } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

export type PipelineName = 'buffer' | 'sdk'

export interface Pipeline {
  /** What instruments are made with. */
  readonly meterProvider: ApiMeterProvider
  /** What is flushed and shut down. */
  readonly provider: MeterProvider
}

/** So that everything is exported when it is asked for, and never in between. */
const NEVER_MILLIS = 2 ** 31 - 1

export function startPipeline(name: PipelineName, url: string, temporality: keyof typeof TEMPORALITIES): Pipeline {
  const exporter = new OTLPMetricExporter({ url, temporalityPreference: TEMPORALITIES[temporality] })
  const times = { exportIntervalMillis: NEVER_MILLIS, exportTimeoutMillis: 10_000 }
  if (name === 'sdk') {
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, ...times })] })
    return { meterProvider: provider, provider }
  }
  const reader = new BufferingMetricReader({ adapters: [new PushExporterAdapter(exporter)], ...times })
  return { meterProvider: reader.buffer, provider: new MeterProvider({ readers: [reader] }) }
}

const TEMPORALITIES = {
  delta: AggregationTemporality.DELTA,
  cumulative: AggregationTemporality.CUMULATIVE,
}
