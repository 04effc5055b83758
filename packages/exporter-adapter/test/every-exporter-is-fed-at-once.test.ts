import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonExporter,
} from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  ConsoleMetricExporter,
  InMemoryMetricExporter,
  MeterProvider,
} from '@opentelemetry/sdk-metrics'
import { type OtlpReceiver, startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { arrived } from './support/arrived.ts'
import { listen, scrape } from './support/scrape.ts'

/** Records the same on all seven instruments at each call; what must arrive follows from the number of calls. */
function instrument(provider: MeterProvider) {
  const meter = provider.getMeter('shop', '1.2.3')
  const counter = meter.createCounter('orders', { unit: '{order}', description: 'Orders placed' })
  const upDown = meter.createUpDownCounter('queue')
  const gauge = meter.createGauge('temperature')
  const latency = meter.createHistogram('latency', { unit: 's', advice: { explicitBucketBoundaries: [1, 10] } })
  const size = meter.createHistogram('size', { unit: 'By' })
  let calls = 0
  meter.createObservableCounter('cpu').addCallback((result) => result.observe(calls * 3, { mode: 'user' }))
  meter.createObservableUpDownCounter('threads').addCallback((result) => result.observe(10 - calls))
  meter.createObservableGauge('load').addCallback((result) => result.observe(calls / 2))
  return () => {
    calls++
    counter.add(1, { region: 'eu', paid: true })
    counter.add(2, { region: 'us', paid: false })
    upDown.add(5)
    upDown.add(-3)
    gauge.record(20 + calls)
    for (const seconds of [0.5, 5, 50]) latency.record(seconds)
    size.record(calls * 100)
  }
}

const views = [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM as const } }]

describe('one reader feeds every exporter there is, each in its temporality, over real sockets', () => {
  const printed: unknown[] = []
  const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const TURNS = 3
  let receivers: Record<'protobuf' | 'json' | 'grpc', OtlpReceiver>
  let scraped: string
  let reader: BufferingMetricReader

  beforeAll(async () => {
    const [protobuf, json, grpc] = await Promise.all([
      startOtlpReceiver(),
      startOtlpReceiver(),
      startOtlpReceiver({ grpc: true }),
    ])
    receivers = { protobuf, json, grpc }
    const dir = vi.spyOn(console, 'dir').mockImplementation((what) => void printed.push(what))
    reader = new BufferingMetricReader({
      adapters: [
        new PushExporterAdapter(new ConsoleMetricExporter({ temporalitySelector: () => AggregationTemporality.DELTA })),
        new PushExporterAdapter(memory),
        new PushExporterAdapter(
          new ProtobufExporter({ url: protobuf.url, temporalityPreference: AggregationTemporalityPreference.DELTA }),
        ),
        new PushExporterAdapter(
          new JsonExporter({ url: json.url, temporalityPreference: AggregationTemporalityPreference.CUMULATIVE }),
        ),
        new PushExporterAdapter(
          new GrpcExporter({ url: grpc.grpcUrl, temporalityPreference: AggregationTemporalityPreference.LOWMEMORY }),
        ),
        new PullExporterAdapter(prometheus),
      ],
    })
    const resource = resourceFromAttributes({ 'service.name': 'shop' })
    const provider = new MeterProvider({ readers: [reader], views, resource })
    const record = instrument(provider)
    for (let turn = 0; turn < TURNS; turn++) {
      record()
      await reader.forceFlush()
    }
    const server = await listen((request, response) => prometheus.getMetricsRequestHandler(request, response))
    scraped = await scrape(server.url)
    await server.close()
    await provider.shutdown()
    dir.mockRestore()
    await Promise.all(Object.values(receivers).map((receiver) => receiver.close()))
  })

  describe.each([
    ['protobuf', 'delta', 'cumulative'],
    ['json', 'cumulative', 'cumulative'],
    ['grpc', 'delta', 'cumulative'],
  ] as const)('OTLP over %s', (protocol, temporality, upDownTemporality) => {
    test(`counters arrive as ${temporality}, to the unit`, () => {
      const eu = arrived(receivers[protocol], 'orders', { region: 'eu', paid: true })
      expect(eu.total).toBe(TURNS)
      expect(eu.metric).toMatchObject({ temporality, isMonotonic: true, unit: '{order}', description: 'Orders placed' })
      expect(eu.metric.scope).toMatchObject({ name: 'shop', version: '1.2.3' })
      expect(eu.metric.resource).toEqual({ 'service.name': 'shop' })
      expect(arrived(receivers[protocol], 'orders', { region: 'us', paid: false }).total).toBe(2 * TURNS)
    })

    test(`UpDownCounters arrive as ${upDownTemporality}`, () => {
      const queue = arrived(receivers[protocol], 'queue')
      expect(queue.total).toBe(2 * TURNS)
      expect(queue.metric).toMatchObject({ temporality: upDownTemporality, isMonotonic: false })
      expect(arrived(receivers[protocol], 'threads').total).toBe(10 - TURNS)
    })

    test('gauges arrive with their latest value', () => {
      expect(arrived(receivers[protocol], 'temperature').total).toBe(20 + TURNS)
      expect(arrived(receivers[protocol], 'load').total).toBe(TURNS / 2)
    })

    test('observable counters arrive', () => {
      expect(arrived(receivers[protocol], 'cpu', { mode: 'user' }).total).toBe(3 * TURNS)
    })

    test('histograms arrive, explicit and exponential', () => {
      expect(arrived(receivers[protocol], 'latency')).toMatchObject({ total: 3 * TURNS, sum: 55.5 * TURNS })
      const size = arrived(receivers[protocol], 'size')
      expect(size).toMatchObject({ total: TURNS, sum: 600 })
      expect(size.metric.kind).toBe('exponential-histogram')
    })

    test('nothing arrives twice', () => {
      expect(receivers[protocol].ledger.doubled).toBe(0)
      expect(receivers[protocol].ledger.resentIdentical).toBe(0)
    })
  })

  test('the console gets every turn', () => {
    const names = printed.map((line) => (line as { descriptor: { name: string } }).descriptor.name)
    expect(names.filter((name) => name === 'orders')).toHaveLength(TURNS)
    expect(new Set(names).size).toBe(8)
  })

  test('memory holds cumulative points', () => {
    const metrics = memory.getMetrics().at(-1)!.scopeMetrics[0]!.metrics
    const orders = metrics.find((metric) => metric.descriptor.name === 'orders')!
    expect(orders.dataPoints.map((point) => point.value)).toEqual([TURNS, 2 * TURNS])
  })

  test('Prometheus scrapes them over HTTP', () => {
    expect(scraped).toMatch(new RegExp(`^orders_total\\{.*region="eu".*\\} ${TURNS}$`, 'm'))
    expect(scraped).toMatch(/^queue\{.*\} 6$/m)
    expect(scraped).toMatch(/^latency_bucket\{.*le="10".*\} 6$/m)
    expect(scraped).toMatch(/^latency_count\{.*\} 9$/m)
    expect(scraped).toMatch(/^cpu_total\{.*mode="user".*\} 9$/m)
  })

  test('all of it from one collection a turn', () => {
    // One turn for each forceFlush, one for the scrape, one for the shutdown.
    expect(reader.stats().turns).toBe(TURNS + 2)
  })
})
