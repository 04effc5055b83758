// The MeterProvider comes from another copy of the SDK than the exporters and our packages.
const { metrics } = require('@opentelemetry/api')
const { PrometheusExporter } = require('prometheus-of-the-same-copy')
const { InMemoryMetricExporter } = require('@opentelemetry/sdk-metrics')
const { PullExporterAdapter, PushExporterAdapter } = require('@otel-sluice/exporter-adapter')
const { BufferingMetricReader } = require('@otel-sluice/processor')
const { MeterProvider } = require('telemetry-kit')
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
