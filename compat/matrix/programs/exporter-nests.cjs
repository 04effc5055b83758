// The exporters come from another copy of the SDK than the MeterProvider and our packages.
const { metrics } = require('@opentelemetry/api')
const { PrometheusExporter } = require('@opentelemetry/exporter-prometheus')
const { MeterProvider } = require('@opentelemetry/sdk-metrics')
const { PullExporterAdapter, PushExporterAdapter } = require('@otel-sluice/exporter-adapter')
const { BufferingMetricReader } = require('@otel-sluice/processor')
const { InMemoryMetricExporter } = require('telemetry-kit')
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
