import { context, createContextKey } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline, TIMEOUT } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

describe('shutdown', () => {
  test('delivers what was recorded before it and shuts the exporter down once', async () => {
    const { exporter, provider, counter } = pushPipeline()
    counter.add(4)
    await provider.shutdown()
    expect(exporter.receiver.total('counter')).toBe(4)
    expect([exporter.forceFlushes, exporter.shutdowns]).toEqual([1, 1])
  })

  test('counts what is still held as lost, and rejects with the number and the reason', async () => {
    const { exporter, reader, counter, stats } = pushPipeline()
    exporter.answer = 'failBefore'
    counter.add(4, { a: 1 })
    counter.add(4, { a: 2 })
    await expect(reader.shutdown()).rejects.toThrow(
      'shutdown lost 2 points (ScriptedExporter: 2): connect ECONNREFUSED',
    )
    expect(stats()).toMatchObject({ lostPoints: { rejected: 0, shutdown: 2 }, pendingPoints: 0, pendingParcels: 0 })
    expect(exporter.shutdowns).toBe(1)
  })

  test('counts what was recorded when a callback keeps the last turn from its end, too', async () => {
    const { reader, meter, counter, stats } = pushPipeline()
    meter.createObservableGauge('hangs').addCallback(() => new Promise(() => {}))
    reader.buffer.getMeter('buffered').createCounter('of the buffer').add(1)
    counter.add(1)
    const rejection = expect(reader.shutdown({ timeoutMillis: 300 })).rejects.toThrow('shutdown lost 1 points')
    await vi.advanceTimersByTimeAsync(300)
    await rejection
    expect(stats()).toMatchObject({ offeredPoints: 1, lostPoints: { shutdown: 1 }, pendingPoints: 0 })
  })

  test('still books a success that comes while the exporter shuts down', async () => {
    const { exporter, reader, counter, stats } = pushPipeline()
    exporter.answer = 'hang'
    exporter.shutdown = async () => exporter.hanging[0]?.succeed()
    counter.add(1)
    const rejection = expect(reader.shutdown()).rejects.toThrow(/no answer within 500 ms/)
    await vi.advanceTimersByTimeAsync(2 * TIMEOUT)
    await rejection
    expect(stats()).toMatchObject({ deliveredPoints: 1, lostPoints: { shutdown: 0 }, pendingPoints: 0 })
  })

  test('calls the exporter no more once it is shutting down', async () => {
    const { exporter, reader, counter, stats } = pushPipeline(undefined, { maxExportBatchSize: 1 })
    exporter.answer = 'failBefore'
    let calls = Number.NaN
    exporter.shutdown = async () => {
      calls = exporter.calls.length
      exporter.answer = 'success'
    }
    counter.add(1, { n: 1 })
    counter.add(1, { n: 2 })
    const rejection = expect(reader.shutdown({ timeoutMillis: 300 })).rejects.toThrow(/lost 2 points/)
    await vi.advanceTimersByTimeAsync(300)
    await rejection
    await vi.advanceTimersByTimeAsync(10 * TIMEOUT)
    expect(exporter.calls).toHaveLength(calls)
    expect(stats()).toMatchObject({ deliveredPoints: 0, lostPoints: { shutdown: 2 }, pendingPoints: 0 })
  })

  test('keeps to its deadline when the exporter neither answers nor shuts down', async () => {
    const { exporter, reader, counter, stats } = pushPipeline()
    exporter.answer = 'hang'
    exporter.shutdown = () => new Promise(() => {})
    counter.add(1)
    const rejection = expect(reader.shutdown({ timeoutMillis: 300 })).rejects.toThrow(/lost 1 points/)
    await vi.advanceTimersByTimeAsync(301)
    await rejection
    expect(stats()).toMatchObject({ lostPoints: { shutdown: 1 }, pendingPoints: 0 })
    exporter.hanging[0]!.succeed()
    await vi.advanceTimersByTimeAsync(0)
    expect(stats()).toMatchObject({ deliveredPoints: 0, lostPoints: { shutdown: 1 }, pendingPoints: 0 })
  })
})

test('the exporters of a reader that was never registered are shut down with it', async () => {
  const exporter = new ScriptedExporter()
  const pull = new PrometheusExporter({ preventServerStart: true })
  const ended = vi.spyOn(pull, 'shutdown')
  const adapters = [new PushExporterAdapter(exporter), new PullExporterAdapter(pull)]
  await new BufferingMetricReader({ adapters }).shutdown()
  expect([exporter.shutdowns, ended.mock.calls.length]).toEqual([1, 1])
})

test('an adapter that is shut down twice shuts its exporter down once', async () => {
  const exporter = new ScriptedExporter()
  const adapter = new PushExporterAdapter(exporter)
  await Promise.all([adapter.shutdown({ timeoutMillis: 10 }), adapter.shutdown({ timeoutMillis: 10 })])
  expect(exporter.shutdowns).toBe(1)
})

test('what is being sealed when the exporter shuts down is lost and counted, not gone', async () => {
  let sealed = () => {}
  const { exporter, reader, counter, stats } = pushPipeline(undefined, undefined, (attached) => {
    const inSlices = attached.inSlices.bind(attached)
    Object.assign(attached, {
      inSlices: async (count: number, work: (index: number) => void) => {
        await inSlices(count, work)
        await new Promise<void>((resolve) => {
          sealed = resolve
        })
      },
    })
  })
  exporter.shutdown = async () => sealed()
  counter.add(1)
  const rejection = expect(reader.shutdown({ timeoutMillis: 10 })).rejects.toThrow(/shutdown lost 1 points/)
  await vi.advanceTimersByTimeAsync(200)
  await rejection
  expect(stats()).toMatchObject({ offeredPoints: 1, lostPoints: { shutdown: 1 }, pendingPoints: 0, deliveredPoints: 0 })
})

test('forceFlush delivers what an outage has held, and flushes the exporter whether or not that succeeds', async () => {
  const { exporter, reader, counter, interval } = pushPipeline()
  exporter.answer = 'failBefore'
  counter.add(1)
  await interval()
  counter.add(2)
  await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: 2 points/)
  exporter.answer = 'success'
  await reader.forceFlush()
  expect(exporter.receiver.total('counter')).toBe(3)
  expect(exporter.forceFlushes).toBe(2)
})

test('an export that is written as an async function may reject: that is a failure like any other', async () => {
  const { exporter, counter, interval, stats } = pushPipeline()
  const original = exporter.export.bind(exporter)
  exporter.export = async () => {
    throw new Error('no route')
  }
  counter.add(1)
  await interval()
  expect(stats()).toMatchObject({ failures: 1, pendingPoints: 1, lastError: 'no route' })
  exporter.export = original
  await interval()
  expect(exporter.receiver.total('counter')).toBe(1)
})

test('an exporter that has no forceFlush, or whose forceFlush and shutdown return nothing, works', async () => {
  const exporter = Object.assign(new ScriptedExporter(), { forceFlush: undefined, shutdown: () => undefined }) as never
  const { reader, counter, stats } = pushPipeline(exporter)
  counter.add(1)
  await reader.forceFlush()
  await reader.shutdown()
  expect(stats()).toMatchObject({ deliveredPoints: 1, lostPoints: { shutdown: 0 } })
})

test('what an exporter records by itself lands in the next generation, and an idle pipeline comes to rest', async () => {
  const { exporter, counter, interval, meter } = pushPipeline()
  const exported = meter.createCounter('exported')
  const original = exporter.export.bind(exporter)
  exporter.export = (metrics, done) => {
    if (exporter.calls.length === 0) exported.add(1)
    original(metrics, done)
  }
  counter.add(1)
  for (let i = 0; i < 5; i++) await interval()
  expect(exporter.calls.map((call) => call.scopeMetrics[0]!.metrics.map((metric) => metric.descriptor.name))).toEqual([
    ['counter'],
    ['exported'],
  ])
})

test('an exporter whose forceFlush rejects makes forceFlush reject', async () => {
  const { exporter, reader } = pushPipeline()
  exporter.forceFlush = () => Promise.reject(new Error('the socket is gone'))
  await expect(reader.forceFlush()).rejects.toThrow(/forceFlush failed: the socket is gone/)
})

test('exports run with tracing suppressed, so that exporting makes no traces to export', async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const { exporter, counter, interval } = pushPipeline()
  const seen: unknown[] = []
  exporter.export = (_metrics, done) => {
    seen.push(context.active().getValue(createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')))
    done({ code: 0 })
  }
  counter.add(1)
  await interval()
  context.disable()
  expect(seen).toEqual([true])
})

describe('the constructor rejects', () => {
  const exporter = new ScriptedExporter()
  test.each([
    [{ exportIntervalMillis: 0 }, /exportIntervalMillis must be greater than 0 .*got 0/],
    [{ exportTimeoutMillis: Number.POSITIVE_INFINITY }, /exportTimeoutMillis .*got Infinity/],
    [{ maxExportBatchSize: 1.5 }, /maxExportBatchSize must be a whole number, got 1.5/],
    [{ spoolMaxBytes: 0 }, /spoolMaxBytes must be greater than 0 .*got 0/],
    [{ spoolMaxBytes: 1e6 + 0.5 }, /spoolMaxBytes must be a whole number, got 1000000.5/],
    [{ spoolMaxBytes: '9' as never }, /spoolMaxBytes must be a number, got 9/],
    [{ retry: 5 as never }, /retry must be an object, got 5/],
    [{ retry: { initialBackoffMillis: 0 } }, /retry.initialBackoffMillis must be greater than 0 .*got 0/],
    [{ retry: { maxBackoffMillis: Number.NaN } }, /retry.maxBackoffMillis .*got NaN/],
    [
      { retry: { initialBackoffMillis: 20, maxBackoffMillis: 10 } },
      /retry.initialBackoffMillis \(20\) must not exceed retry.maxBackoffMillis \(10\)/,
    ],
    [{ maxExportBatchSize: '9' as never }, /maxExportBatchSize must be a number, got 9/],
    [
      { exportIntervalMillis: 10, exportTimeoutMillis: 20 },
      /exportTimeoutMillis \(20\) must not exceed exportIntervalMillis \(10\)/,
    ],
  ])('%j', (options, message) => {
    expect(() => new PushExporterAdapter(exporter, options)).toThrow(message)
  })

  test('what is no exporter, with a hint where the other adapter would do', () => {
    expect(() => new PushExporterAdapter(undefined as never)).toThrow(
      /exporter must be a PushMetricExporter, got undefined/,
    )
    const pull = new BufferingMetricReader({ adapters: [new PushExporterAdapter(exporter)] })
    expect(() => new PushExporterAdapter(pull as never)).toThrow(/use new PullExporterAdapter/)
    expect(() => new PullExporterAdapter(exporter as never)).toThrow(/use new PushExporterAdapter/)
  })
})

test('an exporter without preferences gets cumulative points in the default aggregation', async () => {
  const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const plain = { export: memory.export.bind(memory), forceFlush: async () => {}, shutdown: async () => {} }
  const reader = new BufferingMetricReader({ adapters: [new PushExporterAdapter(plain)] })
  const provider = new MeterProvider({ readers: [reader] })
  provider.getMeter('test').createCounter('counter').add(1)
  const flushed = reader.forceFlush()
  await vi.advanceTimersByTimeAsync(10)
  await flushed
  expect(memory.getMetrics()[0]!.scopeMetrics[0]!.metrics[0]!.aggregationTemporality).toBe(
    AggregationTemporality.CUMULATIVE,
  )
})
