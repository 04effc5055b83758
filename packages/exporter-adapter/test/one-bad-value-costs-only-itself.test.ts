import { diag } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import { type OtlpReceiver, startOtlpReceiver, type TakenBatch } from '@otel-sluice/example-otlp-receiver'
import { PrometheusEndpoint, PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  anyInstrument,
  anyMetric,
  anyOfSdk,
  anyProcessing,
  metricOf,
  OnceProducer,
  processorOf,
  recordAnything,
  soundMetric,
} from './support/nonsense.ts'
import { protocols } from './support/otlp-pipeline.ts'
import { decodeFamilies } from './support/prometheus-protobuf.ts'
import { parseText } from './support/prometheus-text.ts'
import { get, OPENMETRICS, PROTOBUF } from './support/scraped.ts'
import { temporaryDirectory } from './support/spool-directory.ts'

/**
 * The law: whatever else is recorded, through the SDK, the buffer or a producer, with whatever in its name, unit, description,
 * scope, attributes, boundaries, values and times, a counter beside it arrives in every format.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 60)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

const NAMES = ['sound.sdk', 'sound.buffer', 'sound.producer']

let receivers: [protocol: keyof typeof protocols, receiver: OtlpReceiver][]
beforeAll(async () => {
  const names = Object.keys(protocols) as (keyof typeof protocols)[]
  receivers = await Promise.all(
    names
      .map(async (name) => [name, await startOtlpReceiver({ grpc: true })] as const)
      .map((each) => each.then(([name, receiver]) => [name, receiver] as [keyof typeof protocols, OtlpReceiver])),
  )
})
afterAll(() => Promise.all(receivers.map(([, receiver]) => receiver.close())))
beforeEach(() => diag.disable())

const program = fc.record({
  ofSdk: fc.array(anyOfSdk, { maxLength: 3 }),
  ofBuffer: fc.array(anyInstrument, { maxLength: 3 }),
  ofProducer: fc.array(anyMetric, { maxLength: 3 }),
  processing: fc.option(anyProcessing, { freq: 2, nil: undefined }),
})

test(`a counter that makes sense arrives beside whatever does not (seed ${SEED}, ${RUNS} runs)`, {
  timeout: 60_000 + 500 * RUNS,
}, async () => {
  const spoolDirectory = temporaryDirectory()
  let run = 0
  await fc.assert(
    fc.asyncProperty(program, async ({ ofSdk, ofBuffer, ofProducer, processing }) => {
      run++
      const endpoint = new PrometheusEndpoint({ port: 0 })
      const official = new PrometheusExporter({ preventServerStart: true })
      const memory = new InMemoryMetricExporter(AggregationTemporality.DELTA)
      const producer = new OnceProducer()
      const reader = new BufferingMetricReader({
        adapters: [
          endpoint,
          new PullExporterAdapter(official),
          ...receivers.map(([name, receiver]) => new PushExporterAdapter(protocols[name](receiver, 5_000))),
          new PushExporterAdapter(memory, { name: `spooled ${run}`, spoolDirectory }),
        ],
        ...(processing && { processors: [processorOf(processing, (name) => name.startsWith('sound'))] }),
        metricProducers: [producer],
        buffer: new MetricsBuffer({ exemplarFilter: 'always_on' }),
      })
      const provider = new MeterProvider({ readers: [reader] })
      for (const each of ofSdk) {
        try {
          recordAnything(provider.getMeter('odd'), each)
        } catch {
          // The SDK is not ours.
        }
      }
      for (const each of ofBuffer) recordAnything(reader.buffer.getMeter('odd'), each)
      const names = NAMES.map((name) => `${name}.${run}`) as [string, string, string]
      provider.getMeter('sound').createCounter(names[0]).add(1)
      reader.buffer.getMeter('sound').createCounter(names[1]).add(1)
      producer.scopeMetrics = [
        ...ofProducer.map(metricOf),
        { scope: { name: 'sound' }, metrics: [soundMetric(names[2], 1)] },
      ]
      await reader.forceFlush()
      for (const { stats } of reader.stats().adapters) expect(stats.spoolError).toBeUndefined()

      const { host, port } = await endpoint.ready
      const url = `http://${host}:${port}/metrics`
      const text = parseText((await scrape(url)).text)
      const openMetrics = parseText((await scrape(url, OPENMETRICS)).text, true)
      const families = decodeFamilies((await scrape(url, PROTOBUF)).body)
      const { resourceMetrics } = await official.collect()
      for (const name of names) {
        const family = name.replaceAll('.', '_')
        expect(text.get(`${family}_total`)?.samples.map(({ value }) => value)).toEqual([1])
        expect(openMetrics.get(family)?.samples[0]).toMatchObject({ name: `${family}_total`, value: 1 })
        expect(families.find((each) => each.name === `${family}_total`)?.metric).toMatchObject([
          { counter: { value: 1 } },
        ])
        for (const [protocol, { ledger }] of receivers) expect([protocol, ledger.total(name)]).toEqual([protocol, 1])
        const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
        expect(metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints).toMatchObject([{ value: 1 }])
      }
      for (const [protocol, { batches }] of receivers) {
        for (const { name, unit, description, scope } of (batches as TakenBatch[])
          .splice(0)
          .flatMap(({ metrics }) => metrics)) {
          const texts = [name, unit, description, scope.name, scope.version]
          expect([protocol, texts.map((text) => typeof text)]).toEqual([protocol, texts.map(() => 'string')])
        }
      }
      await reader.shutdown()
      const lostPoints = { rejected: 0, shutdown: 0, 'spool-unreadable': 0 }
      for (const { stats } of reader.stats().adapters) expect(stats).toMatchObject({ failures: 0, lostPoints })
    }),
    { numRuns: RUNS, seed: SEED },
  )
})

async function scrape(url: string, accept = 'text/plain') {
  const response = await get(url, { accept })
  expect([response.status, response.status === 200 ? '' : response.text]).toEqual([200, ''])
  return response
}
