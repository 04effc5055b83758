// The MeterProvider comes from another copy of the SDK than the exporters and our packages.
import { metrics } from '@opentelemetry/api'
import { InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { PrometheusExporter } from 'prometheus-of-the-same-copy'
import { MeterProvider } from 'telemetry-kit'
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
