import { detectResources } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function pipeline(attribute: Promise<string>) {
  const log = diagLog()
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], collectTimeoutMillis: 1_000 })
  const resource = detectResources({
    detectors: [{ detect: () => ({ attributes: { 'host.id': attribute, 'service.name': 'test' } }) }],
  })
  new MeterProvider({ readers: [reader], resource })
  return { adapter, reader, log }
}

const after = (millis: number, value: string) => new Promise<string>((resolve) => setTimeout(resolve, millis, value))

test('the first turn ends when they are there, and none is read before', async () => {
  const { adapter, reader, log } = pipeline(after(400, 'h1'))
  const flushed = reader.flush()
  await vi.advanceTimersByTimeAsync(400)
  await flushed
  expect(adapter.reader!.resource.attributes).toEqual({ 'host.id': 'h1', 'service.name': 'test' })
  expect(log).toEqual([])
})

test('a turn goes on without them at the deadline and says so; later turns do not wait again and have them once they come', async () => {
  const { adapter, reader, log } = pipeline(after(60_000, 'h1'))
  const first = reader.flush()
  await vi.advanceTimersByTimeAsync(1_000)
  await first
  expect(log).toEqual([expect.stringContaining('asynchronous resource attributes are not there after 1000 ms')])
  const second = reader.flush()
  await vi.advanceTimersByTimeAsync(0)
  await second
  await vi.advanceTimersByTimeAsync(60_000)
  expect(adapter.reader!.resource.attributes).toMatchObject({ 'host.id': 'h1' })
})
