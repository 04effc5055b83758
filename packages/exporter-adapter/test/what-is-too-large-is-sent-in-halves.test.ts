import type { Counter } from '@opentelemetry/api'
import { AggregationTemporality, MeterProvider, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { TEMPORALITIES } from './support/fault-matrix.ts'
import { protocols } from './support/otlp-pipeline.ts'
import { INTERVAL, pushPipeline } from './support/pipeline.ts'
import { pointsIn, ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, directoryOfThisTest, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

const TOO_LARGE = Object.assign(new Error('Payload Too Large'), { code: 413 })

/** Takes messages of so many points at the most, and none that has a point with the attribute `huge`. */
class NarrowExporter extends ScriptedExporter {
  mostPoints = 3
  readonly refused: number[] = []
  onExport: (points: number) => void = () => {}

  override export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void) {
    const points = pointsIn(metrics)
    this.onExport(points)
    if (points <= this.mostPoints && !JSON.stringify(metrics.scopeMetrics).includes('huge'))
      return super.export(metrics, done)
    this.refused.push(points)
    done({ code: 1, error: TOO_LARGE })
  }
}

function record(counter: Counter, series: number, value = 1): void {
  for (let n = 0; n < series; n++) counter.add(value, { n })
}

const totals = ({ receiver }: ScriptedExporter, series: number): number[] =>
  Array.from({ length: series }, (_, n) => receiver.total('counter', { n }))

test('what the receiver finds too large arrives in smaller messages, with the same points and times', async () => {
  const exporter = new NarrowExporter()
  const { counter, interval, stats } = pushPipeline(exporter)
  record(counter, 10)
  await interval()
  expect(totals(exporter, 10)).toEqual(Array(10).fill(1))
  const windows = exporter.calls.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ dataPoints }) => dataPoints.map(({ startTime, endTime }) => `${startTime} ${endTime}`)),
    ),
  )
  expect(new Set(windows).size).toBe(1)
  expect(exporter.refused).toEqual([10, 5, 5])
  expect(stats()).toMatchObject({
    deliveredPoints: 10,
    pendingPoints: 0,
    outcomeUnknown: 0,
    lostPoints: { rejected: 0 },
  })
  expect(exporter.receiver.violations).toEqual([])
})

test('later parcels are cut into what the receiver takes, and one line for each size says so', async () => {
  const exporter = new NarrowExporter()
  const { counter, interval } = pushPipeline(exporter)
  for (let i = 0; i < 5; i++) {
    record(counter, 10)
    await interval()
  }
  expect(totals(exporter, 10)).toEqual(Array(10).fill(5))
  expect(exporter.refused).toEqual([10, 5, 5])
  expect(log.filter((line) => line.includes('too large for one message'))).toHaveLength(2)
  expect(log[0]).toContain('10 points are too large for one message to the receiver and are sent in halves')
})

test('a single point that is too large is lost, counted and said, and costs nothing else', async () => {
  const exporter = new NarrowExporter()
  exporter.mostPoints = 8192
  const { counter, interval, stats } = pushPipeline(exporter)
  record(counter, 9)
  counter.add(1, { huge: true })
  await interval()
  expect(totals(exporter, 9)).toEqual(Array(9).fill(1))
  expect(stats()).toMatchObject({ deliveredPoints: 9, pendingPoints: 0, lostPoints: { rejected: 1 } })
  expect(log.filter((line) => line.startsWith('error'))).toEqual([
    expect.stringContaining('1 points were rejected for good and are dropped: HTTP 413: Payload Too Large'),
  ])

  // It says nothing of others: they go in one message again.
  exporter.refused.length = 0
  const callsBefore = exporter.calls.length
  record(counter, 9)
  await interval()
  expect([exporter.refused.length, exporter.calls.length - callsBefore]).toEqual([0, 1])
})

test('delta and cumulative points of one message are too large together, and arrive apart', async () => {
  const exporter = new NarrowExporter(TEMPORALITIES.mixed)
  exporter.mostPoints = 1
  const { counter, meter, interval, stats } = pushPipeline(exporter)
  counter.add(1)
  meter.createUpDownCounter('upDown').add(5)
  for (let i = 0; i < 3; i++) await interval()
  expect([exporter.receiver.total('counter'), exporter.receiver.total('upDown')]).toEqual([1, 5])
  expect(stats()).toMatchObject({ pendingPoints: 0, lostPoints: { rejected: 0 } })
})

test('a shutdown with a deadline delivers what is too large at first', async () => {
  const exporter = new NarrowExporter()
  const { counter, reader } = pushPipeline(exporter)
  record(counter, 100)
  const done = reader.shutdown({ timeoutMillis: 1_000 })
  await vi.advanceTimersByTimeAsync(1_000)
  await done
  expect(totals(exporter, 100)).toEqual(Array(100).fill(1))
})

describe('with a spool', () => {
  test('the next process goes on with the halves, and sends none again that had arrived', async () => {
    const spoolDirectory = directoryOfThisTest()
    let processes = 0
    const start = (exporter: NarrowExporter) => {
      const fs = new ProcessFs()
      openSpoolsWith(() => ({ fs, identity: deadIdentity(processes++) }))
      return { ...pushPipeline(exporter, { name: 'exporter', spoolDirectory }), fs }
    }
    const first = new NarrowExporter()
    const dying = start(first)
    record(dying.counter, 8)
    first.onExport = () => {
      if (first.calls.length === 1) first.answer = 'hang'
    }
    first.mostPoints = 4
    await dying.interval()
    expect([first.refused, first.calls.map(pointsIn)]).toEqual([[8], [4, 4]])
    dying.fs.isDead = true
    forgetLivingSpools()
    const now = Date.now()
    vi.useRealTimers()
    vi.useFakeTimers({ now })

    const second = new NarrowExporter(AggregationTemporality.DELTA, first.receiver)
    second.mostPoints = 4
    const { stats } = start(second)
    await vi.advanceTimersByTimeAsync(INTERVAL)
    expect(totals(second, 8)).toEqual(Array(8).fill(1))
    expect([second.refused, second.calls.map(pointsIn)]).toEqual([[], [4]])
    expect(stats()).toMatchObject({ pendingPoints: 0, spoolBytes: 0 })
  })
})

test('10,001 histograms with seven attributes arrive at a gRPC server with its 4 MiB', {
  timeout: 60_000,
}, async () => {
  vi.useRealTimers()
  const receiver = await startOtlpReceiver({ grpc: true, grpcMaxMessageBytes: 4 * 2 ** 20 })
  onTestFinished(() => receiver.close())
  const adapter = new PushExporterAdapter(protocols.grpc(receiver, 10_000))
  const reader = new BufferingMetricReader({ adapters: [adapter], cardinalityLimits: { default: 20_000 } })
  const provider = new MeterProvider({ readers: [reader] })
  const histogram = reader.buffer.getMeter('large').createHistogram('request.duration')
  const text = (n: number) => `a value of some length ${n}`
  for (let n = 0; n < 10_001; n++) {
    histogram.record(n, { n, a: text(1), b: text(2), c: text(3), d: text(4), e: text(5), f: text(6) })
  }
  await reader.forceFlush()
  expect(adapter.stats()).toMatchObject({ deliveredPoints: 10_001, outcomeUnknown: 0, lostPoints: { rejected: 0 } })
  const taken = receiver.batches.flatMap(({ metrics }) => metrics).reduce((sum, { points }) => sum + points.length, 0)
  expect(taken).toBe(10_001)
  expect(adapter.stats().failures).toBeGreaterThan(0)
  await provider.shutdown()
})
