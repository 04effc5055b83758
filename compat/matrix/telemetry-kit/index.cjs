// Stands for any package that sets telemetry up for its users and brings an SDK of its own.
const { InMemoryMetricExporter, MeterProvider } = require('@opentelemetry/sdk-metrics')

module.exports = { InMemoryMetricExporter, MeterProvider }
