// What is compared: each gets recordings, and then turns all it has into text.
import { AggregationTemporality, AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { Conflicts } from '../../packages/exporter-adapter/dist/prometheus/conflicts.js'
import { resolveEndpointOptions } from '../../packages/exporter-adapter/dist/prometheus/endpoint-options.js'
import { negotiate } from '../../packages/exporter-adapter/dist/prometheus/negotiation.js'
import { RenderingRoom } from '../../packages/exporter-adapter/dist/prometheus/rendering-room.js'
import { ChunkPool } from '../../packages/exporter-adapter/dist/prometheus/text-body.js'
import { Variant } from '../../packages/exporter-adapter/dist/prometheus/variant.js'
import { readerOptions } from '../delivery/data.mjs'
import { BOUNDARIES } from './recording.mjs'

function instrumentOf(meter, kind) {
  return kind === 'counter' ? meter.createCounter('m') : meter.createHistogram('m')
}

/** The rendering of `PrometheusEndpoint`, without turn and socket. @param accept the format */
function sluice(accept) {
  return async (kind, series) => {
    let attached
    const adapter = {
      name: 'bench',
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
      selectAggregation: () => ({ type: AggregationType.DEFAULT }),
      attach: (reader) => {
        attached = reader
      },
      absorb() {},
      async shutdown() {},
      stats: () => ({ lostPoints: {} }),
    }
    const reader = new BufferingMetricReader({ ...readerOptions(series), adapters: [adapter] })
    new MeterProvider({ readers: [reader] })
    const instrument = instrumentOf(reader.buffer.getMeter('bench'), kind)
    const { names } = resolveEndpointOptions({})
    const variant = new Variant(negotiate(accept), names, new Conflicts('bench', new Set()), {
      pool: new ChunkPool(),
      room: new RenderingRoom(() => {}),
    })
    return {
      record: (value, attributes) =>
        kind === 'counter' ? instrument.add(value, attributes) : instrument.record(value, attributes),
      prepare: () => reader.flush(),
      async scrape() {
        const { rendering, readers } = variant.rounds(false).latest(attached)
        const { bytes } = await rendering
        readers.leave()
        return bytes
      },
    }
  }
}

class PullReader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

/** The serializer of the official exporter, without the SDK's collect() and the socket. */
async function official(kind, series) {
  const { PrometheusSerializer } = await import('@opentelemetry/exporter-prometheus')
  const reader = new PullReader({ cardinalitySelector: () => series + 2 })
  const instrument = instrumentOf(new MeterProvider({ readers: [reader] }).getMeter('bench'), kind)
  const serializer = new PrometheusSerializer()
  let collected
  return {
    record: (value, attributes) =>
      kind === 'counter' ? instrument.add(value, attributes) : instrument.record(value, attributes),
    prepare: async () => {
      collected = await reader.collect()
    },
    scrape: async () => serializer.serialize(collected.resourceMetrics).length,
  }
}

async function promClient(kind) {
  const { Counter, Histogram, Registry } = await import('@prometheus-io/client')
  const registry = new Registry()
  const options = { name: 'm', help: 'm', labelNames: ['route', 'status', 'user'], registers: [registry] }
  const instrument = kind === 'counter' ? new Counter(options) : new Histogram({ ...options, buckets: BOUNDARIES })
  return {
    record: (value, attributes) =>
      kind === 'counter' ? instrument.inc(attributes, value) : instrument.observe(attributes, value),
    prepare: async () => {},
    scrape: async () => (await registry.metrics()).length,
  }
}

export const peers = {
  sluice: sluice('text/plain'),
  openmetrics: sluice('application/openmetrics-text'),
  protobuf: sluice('application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'),
  official,
  client: promClient,
}
