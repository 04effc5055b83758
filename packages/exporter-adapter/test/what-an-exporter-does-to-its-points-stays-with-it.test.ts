import { isDeepStrictEqual } from 'node:util'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { OnceProducer, soundMetric } from './support/nonsense.ts'
import { AT_ONCE, INTERVAL } from './support/pipeline.ts'
import { deadIdentity, directoryOfThisTest, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'
import { snapshot, VandalExporter, VandalReader } from './support/vandal.ts'

const { DELTA, CUMULATIVE } = AggregationTemporality

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const views = [{ instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM as const } }]

/** Vandals of every kind before and behind each other, and something of every kind to break. */
function pipeline() {
  const vandals = [DELTA, CUMULATIVE].map((temporality) => new VandalExporter(temporality))
  const pulling = [DELTA, CUMULATIVE].map((temporality) => new VandalReader(temporality))
  const producer = new OnceProducer()
  const reader = new BufferingMetricReader({
    adapters: [
      ...vandals.map((exporter, i) => new PushExporterAdapter(exporter, { name: `push ${i}`, retry: AT_ONCE })),
      ...pulling.map((each) => new PullExporterAdapter(each)),
    ],
    buffer: new MetricsBuffer({ views }),
    metricProducers: [producer],
    exportIntervalMillis: INTERVAL,
  })
  const resource = resourceFromAttributes({ 'service.name': 'shop', list: ['a', 'b'] }, { schemaUrl: 'https://schema' })
  const provider = new MeterProvider({ readers: [reader], resource, views })
  const meters = [provider.getMeter('sdk', '1', { schemaUrl: 'https://s' }), reader.buffer.getMeter('buffer', '1')]
  const record = () => {
    for (const meter of meters) {
      const counter = meter.createCounter('counter', { unit: 's', description: 'counts' })
      counter.add(1, { list: ['x', 'y'], flag: true })
      counter.add(1)
      // So many that their attributes are made from one template.
      for (let n = 0; n < 40; n++) counter.add(n, { n: `${n}`, always: 'the same' })
      meter.createHistogram('histogram').record(5, { list: [1, 2] })
      meter.createHistogram('exponential').record(5)
      meter.createGauge('gauge').record(5)
    }
    const attributes = { map: { a: ['b'] }, bytes: new Uint8Array([1, 2, 3]), none: null }
    const metric = soundMetric('produced', 1)
    Object.assign(metric.dataPoints[0]!, { attributes })
    producer.scopeMetrics = [{ scope: { name: 'produced', attributes } as ScopeMetrics['scope'], metrics: [metric] }]
  }
  return { vandals, pulling, reader, record }
}

/** A snapshot as data again, without the times. */
function timeless(taken: string): unknown {
  return JSON.parse(taken, (name, value: unknown) => (/^(start|end)Time$/.test(name) ? undefined : value))
}

test('a batch that was broken and failed is sent again just as it was', async () => {
  const { vandals, record } = pipeline()
  for (const vandal of vandals) vandal.fails = true
  record()
  await vi.advanceTimersByTimeAsync(3 * INTERVAL)
  const [delta] = vandals
  expect(delta!.taken.length).toBeGreaterThan(1)
  for (const again of delta!.taken) expect(again).toBe(delta!.taken[0])
  expect(delta!.taken[0]).not.toMatch(/vandal|!"/)
})

test('a batch of a process that is gone is sent as it was, whatever was done to the batch before it', async () => {
  const spoolDirectory = directoryOfThisTest()
  const processOn = (n: number, exporter: VandalExporter) => {
    const fs = new ProcessFs()
    openSpoolsWith(() => ({ fs, identity: deadIdentity(n) }))
    const options = { name: 'exporter', spoolDirectory, retry: AT_ONCE, maxExportBatchSize: 1 }
    const adapter = new PushExporterAdapter(exporter, options)
    const reader = new BufferingMetricReader({ adapters: [adapter], exportIntervalMillis: INTERVAL })
    const resource = resourceFromAttributes({ list: ['a', 'b'] })
    const provider = new MeterProvider({ readers: [reader], resource })
    return { fs, reader, meter: provider.getMeter('test') }
  }
  const first = processOn(0, new VandalExporter(DELTA))
  first.meter.createHistogram('histogram').record(5, { list: [1, 2], text: 'x' })
  first.meter.createHistogram('histogram').record(5, { list: [3, 4], text: 'y' })
  await first.reader.flush()
  first.fs.isDead = true
  forgetLivingSpools()

  const exporter = new VandalExporter(DELTA)
  processOn(1, exporter)
  await vi.advanceTimersByTimeAsync(INTERVAL)
  expect(exporter.taken).toHaveLength(2)
  expect(exporter.taken.join()).not.toMatch(/vandal|!"/)
})

test('a batch that is sent again is deeply equal to what was sent, though nothing of it is the same object', async () => {
  const { vandals, record } = pipeline()
  const calls: ResourceMetrics[] = []
  vandals[0]!.export = (metrics, done) => {
    calls.push(metrics)
    done({ code: 1 })
  }
  record()
  await vi.advanceTimersByTimeAsync(3 * INTERVAL)
  const [first, again] = calls
  expect(isDeepStrictEqual(first, again)).toBe(true)
  const objects = new Set(objectsIn(first))
  expect(objectsIn(again).filter((each) => objects.has(each))).toEqual([])
})

/** Everything that can be changed. */
function objectsIn(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(objectsIn)] : []
}

test('whoever comes after it, and whatever is recorded after it, is not touched', async () => {
  const { vandals, pulling, record } = pipeline()
  const turns: unknown[][] = []
  for (let turn = 0; turn < 3; turn++) {
    record()
    await vi.advanceTimersByTimeAsync(INTERVAL)
    for (const each of pulling) {
      const taking = each.take()
      await vi.advanceTimersByTimeAsync(10)
      await taking
    }
    turns.push([vandals[0]!, pulling[0]!].map(({ taken }) => timeless(taken.at(-1)!)))
    expect(timeless(vandals[1]!.taken.at(-1)!)).toEqual(timeless(pulling[1]!.taken.at(-1)!))
  }
  // The same is recorded in each turn.
  expect(turns[0]![0]).toEqual(turns[0]![1])
  expect(turns[1]).toEqual(turns[0])
  expect(turns[2]).toEqual(turns[0])
  for (const { taken } of [...vandals, ...pulling]) expect(taken.join()).not.toMatch(/vandal|!"/)
})

test('an exporter may merge the resource that it is given, and ask for what it is made of', async () => {
  const { reader, vandals } = pipeline()
  const merged: unknown[] = []
  vandals[0]!.export = ({ resource }, done) => {
    const other = resourceFromAttributes({ 'host.name': 'h', list: ['c'] })
    const both = resource.merge(other)
    merged.push(
      both.attributes,
      both.schemaUrl,
      resource.merge(null).attributes,
      Object.fromEntries(both.getRawAttributes()),
    )
    done({ code: 0 })
  }
  reader.buffer.getMeter('m').createCounter('c').add(1)
  await vi.advanceTimersByTimeAsync(INTERVAL)
  const both = { 'service.name': 'shop', list: ['c'], 'host.name': 'h' }
  expect(merged).toEqual([both, 'https://schema', { 'service.name': 'shop', list: ['a', 'b'] }, both])
})

test('an integer that OTLP has none for is sent as a double, its metric with it, in that batch alone', async () => {
  const { reader, vandals } = pipeline()
  const types: unknown[] = []
  vandals[0]!.export = (metrics, done) => {
    for (const { descriptor, dataPoints } of metrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
      types.push([descriptor.name, descriptor.valueType, dataPoints.map(({ value }) => value)])
    }
    done({ code: 0 })
  }
  const counter = reader.buffer.getMeter('m').createCounter('whole', { valueType: 0 })
  for (const value of [2 ** 62, 2 ** 63, 5]) {
    counter.add(value)
    await vi.advanceTimersByTimeAsync(INTERVAL)
  }
  expect(types).toEqual([
    ['whole', 0, [2 ** 62]],
    ['whole', 1, [2 ** 63]],
    ['whole', 0, [5]],
  ])
})

test('what the SDK holds is not touched either', async () => {
  const { reader, record } = pipeline()
  const shown = async () => timeless(snapshot((await reader.collect()).resourceMetrics))
  record()
  const before = await shown()
  await vi.advanceTimersByTimeAsync(INTERVAL)
  record()
  expect(await shown()).toEqual(before)
})
