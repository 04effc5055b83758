import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import scenario from './scenario.cjs'
import checkSurroundings from './surroundings.cjs'

checkSurroundings()
await scenario({
  metrics,
  MeterProvider,
  InMemoryMetricExporter,
  PrometheusExporter,
  BufferingMetricReader,
  PushExporterAdapter,
  PullExporterAdapter,
})
console.log('completed')
