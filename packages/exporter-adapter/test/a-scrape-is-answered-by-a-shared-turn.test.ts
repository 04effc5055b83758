import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  AggregationType,
  type CollectionResult,
  MeterProvider,
  type MetricProducer,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { listen, scrape } from './support/scrape.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

async function prometheusPipeline(...others: PushExporterAdapter[]) {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const adapter = new PullExporterAdapter(exporter)
  const reader = new BufferingMetricReader({ adapters: [adapter, ...others] })
  const provider = new MeterProvider({ readers: [reader] })
  const server = await listen((request, response) => exporter.getMetricsRequestHandler(request, response))
  open.push(server)
  return { exporter, adapter, reader, provider, meter: provider.getMeter('test'), scrape: () => scrape(server.url) }
}

/** A pull reader that wants delta, as the SDK lets anybody write one. */
class DeltaPullReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA })
  }
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function values({ resourceMetrics }: CollectionResult): unknown[] {
  return resourceMetrics.scopeMetrics.flatMap((scope) =>
    scope.metrics.flatMap((metric) => metric.dataPoints.map((p) => p.value)),
  )
}

describe('PrometheusExporter behind the adapter', () => {
  test('shows what was recorded up to the scrape', async () => {
    const { meter, scrape } = await prometheusPipeline()
    const counter = meter.createCounter('requests')
    counter.add(1, { route: '/' })
    expect(await scrape()).toMatch(/^requests_total\{.*route="\/".*\} 1$/m)
    counter.add(2, { route: '/' })
    expect(await scrape()).toMatch(/^requests_total\{.*route="\/".*\} 3$/m)
    expect(await scrape()).toMatch(/^requests_total\{.*route="\/".*\} 3$/m)
  })

  test('all who come during a turn share the next one', async () => {
    const { meter, scrape, reader } = await prometheusPipeline()
    let observations = 0
    meter.createObservableGauge('load').addCallback(async (result) => {
      result.observe(++observations)
      // The first turn is held until every scraper is there.
      await vi.waitFor(() => expect(reader.stats().adapters[0]!.stats.attempts).toBe(50))
    })
    const texts = await Promise.all(Array.from({ length: 50 }, scrape))
    expect(observations).toBe(2)
    expect(reader.stats().turns).toBe(2)
    const seen = texts.map((text) => Number(/^load\{.*\} (\d+)$/m.exec(text)![1]))
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(1)
    expect(seen.filter((load) => load === 2).length).toBeGreaterThanOrEqual(49)
  })

  test('no counter ever falls while a writer records and scrapers scrape, and the last scrape is complete', async () => {
    const { meter, scrape } = await prometheusPipeline()
    const counter = meter.createCounter('steps')
    let added = 0
    let writing = true
    const writer = (async () => {
      while (writing) {
        counter.add(1)
        added++
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const read = async () => Number(/^steps_total\{.*\} (\d+)$/m.exec(await scrape())?.[1] ?? 0)
    const scraper = async () => {
      let last = 0
      for (let i = 0; i < 20; i++) {
        const now = await read()
        expect(now).toBeGreaterThanOrEqual(last)
        last = now
      }
    }
    await Promise.all([scraper(), scraper(), scraper()])
    writing = false
    await writer
    expect(await read()).toBe(added)
  })

  test('a scrape takes nothing from a push exporter beside it, nor makes it export', async () => {
    const push = new ScriptedExporter()
    const { meter, reader, scrape } = await prometheusPipeline(new PushExporterAdapter(push))
    const counter = meter.createCounter('requests')
    for (let i = 0; i < 5; i++) {
      counter.add(1)
      await scrape()
    }
    expect(push.calls).toEqual([])
    await reader.forceFlush()
    expect(push.receiver.total('requests')).toBe(5)
    expect(push.calls).toHaveLength(1)
  })

  test('a scrape while the SDK is stuck ends at the deadline with what is known', async () => {
    diagLog()
    const exporter = new PrometheusExporter({ preventServerStart: true })
    const reader = new BufferingMetricReader({
      adapters: [new PullExporterAdapter(exporter)],
      collectTimeoutMillis: 20,
    })
    const provider = new MeterProvider({ readers: [reader] })
    provider
      .getMeter('test')
      .createObservableGauge('stuck')
      .addCallback(() => new Promise(() => {}))
    provider.getMeter('test').createCounter('fine').add(1)
    const server = await listen((request, response) => exporter.getMetricsRequestHandler(request, response))
    open.push(server)
    expect(await scrape(server.url)).toMatch(/^fine_total\{.*\} 1$/m)
  })

  test('shuts down with the reader', async () => {
    const { exporter, provider } = await prometheusPipeline()
    await provider.shutdown()
    await expect(exporter.collect()).rejects.toThrow(/shutdown/)
  })
})

describe('a pull reader that wants delta', () => {
  test('is handed every delta once, also when several collect at a time', async () => {
    const pull = new DeltaPullReader()
    const reader = new BufferingMetricReader({ adapters: [new PullExporterAdapter(pull)] })
    const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
    const collected: unknown[] = []
    for (let round = 0; round < 5; round++) {
      counter.add(1)
      const calls = [pull.collect(), pull.collect()]
      counter.add(10)
      collected.push(...(await Promise.all(calls)).flatMap(values))
    }
    collected.push(...values(await pull.collect()))
    expect((collected as number[]).reduce((a, b) => a + b, 0)).toBe(55)
    expect(reader.stats().adapters[0]!.stats).toMatchObject({ pendingPoints: 0, pendingParcels: 0 })
  })

  test('merges what comes between two collections', async () => {
    const pull = new DeltaPullReader()
    const reader = new BufferingMetricReader({ adapters: [new PullExporterAdapter(pull)] })
    const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
    counter.add(1)
    await reader.flush()
    counter.add(2)
    await reader.flush()
    expect(reader.stats().adapters[0]!.stats).toMatchObject({ offeredPoints: 2, mergedPoints: 1, pendingPoints: 1 })
    expect(values(await pull.collect())).toEqual([3])
  })

  test('loses what it never came for, counted, at shutdown', async () => {
    const pull = new DeltaPullReader()
    const reader = new BufferingMetricReader({ adapters: [new PullExporterAdapter(pull)] })
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter').add(1)
    await expect(reader.shutdown()).rejects.toThrow('shutdown lost 1 points (DeltaPullReader: 1)')
    const { stats } = reader.stats().adapters[0]!
    expect(stats).toMatchObject({ lostPoints: { rejected: 0, shutdown: 1 }, pendingPoints: 0 })
  })
})

test('a pull reader that shares no class with our SDK works: it is told by its shape', async () => {
  let producer: MetricProducer | undefined
  const foreign = {
    setMetricProducer: (given: MetricProducer) => {
      producer = given
    },
    selectAggregation: () => ({ type: AggregationType.DEFAULT }),
    selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    shutdown: async () => {},
  } as unknown as MetricReader
  const reader = new BufferingMetricReader({ adapters: [new PullExporterAdapter(foreign)] })
  new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter').add(4)
  expect(values(await producer!.collect())).toEqual([4])
})
