const { metrics } = require('@opentelemetry/api')
const { PrometheusExporter } = require('@opentelemetry/exporter-prometheus')
const { InMemoryMetricExporter, MeterProvider } = require('@opentelemetry/sdk-metrics')
const { PullExporterAdapter, PushExporterAdapter } = require('@otel-sluice/exporter-adapter')
const { BufferingMetricReader } = require('@otel-sluice/processor')
const scenario = require('./scenario.cjs')
const checkSurroundings = require('./surroundings.cjs')

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
