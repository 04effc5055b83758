// What a service is that somebody bundles. No top-level await: a bundle may be CommonJS.
import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import scenario from './scenario.cjs'
import checkSurroundings from './surroundings.cjs'

checkSurroundings()
scenario({
  metrics,
  MeterProvider,
  InMemoryMetricExporter,
  PrometheusExporter,
  BufferingMetricReader,
  PushExporterAdapter,
  PullExporterAdapter,
}).then(() => console.log('completed'))
