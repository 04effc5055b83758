import { MeterProvider, type MetricProducer } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A real SDK behind a producer whose answer can be held back, as no deadline of its own would do. */
function slowSdk() {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], collectTimeoutMillis: 1_000 })
  const gate = { delayMillis: 0, running: 0, mostRunning: 0, fail: false }
  const register = reader.setMetricProducer.bind(reader)
  reader.setMetricProducer = (sdk: MetricProducer) =>
    register({
      async collect(options) {
        gate.running++
        gate.mostRunning = Math.max(gate.mostRunning, gate.running)
        const result = await sdk.collect(options)
        await new Promise((resolve) => setTimeout(resolve, gate.delayMillis))
        gate.running--
        if (gate.fail) throw new Error('the SDK broke')
        return result
      },
    })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
  return { adapter, reader, counter: meter.createCounter('counter'), gate, log: diagLog() }
}

test('a turn goes on without it at the deadline, and its data counts in a later turn', async () => {
  const { adapter, reader, counter, gate, log } = slowSdk()
  counter.add(5)
  gate.delayMillis = 1_500
  const flushed = reader.flush()
  await vi.advanceTimersByTimeAsync(1_000)
  await flushed
  expect(adapter.values('counter')).toEqual([])
  expect(reader.stats().lateCollections).toBe(1)
  expect(log.at(-1)).toMatch(/did not collect within 1000 ms; its result will count in a later turn/)

  gate.delayMillis = 0
  counter.add(1)
  const next = reader.flush()
  await vi.advanceTimersByTimeAsync(600)
  await next
  expect(adapter.values('counter')).toEqual([6])
})

test('the SDK is never asked again while it has not answered', async () => {
  const { reader, counter, gate, adapter } = slowSdk()
  gate.delayMillis = 10_000
  for (let turn = 0; turn < 5; turn++) {
    counter.add(1)
    const flushed = reader.flush()
    await vi.advanceTimersByTimeAsync(1_000)
    await flushed
  }
  expect(gate.mostRunning).toBe(1)
  gate.delayMillis = 0
  await vi.advanceTimersByTimeAsync(10_000)
  const flushed = reader.flush()
  await vi.advanceTimersByTimeAsync(0)
  await flushed
  expect((adapter.values('counter') as number[]).reduce((a, b) => a + b, 0)).toBe(5)
})

test('a collection that fails is reported, and the next one goes on', async () => {
  const { adapter, reader, counter, gate, log } = slowSdk()
  gate.fail = true
  const flushed = reader.flush()
  await vi.advanceTimersByTimeAsync(0)
  await flushed
  expect(log.at(-1)).toMatch(/the SDK broke/)
  gate.fail = false
  counter.add(2)
  const next = reader.flush()
  await vi.advanceTimersByTimeAsync(0)
  await next
  expect(adapter.values('counter')).toEqual([2])
})

test('collect() by hand rejects when the SDK fails or is late, and the late data still counts', async () => {
  const { adapter, reader, counter, gate } = slowSdk()
  counter.add(4)
  gate.delayMillis = 500
  const rejection = expect(reader.collect({ timeoutMillis: 100 })).rejects.toThrow(/did not collect within 100 ms/)
  await vi.advanceTimersByTimeAsync(100)
  await rejection
  gate.delayMillis = 0
  const flushed = reader.flush()
  await vi.advanceTimersByTimeAsync(500)
  await flushed
  expect(adapter.values('counter')).toEqual([4])
})
