// The exporters come from another copy of the SDK than the MeterProvider and our packages.
import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { InMemoryMetricExporter } from 'telemetry-kit'
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
