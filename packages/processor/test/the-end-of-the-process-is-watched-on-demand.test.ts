import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type BufferingMetricReaderOptions } from '@otel-sluice/processor'
import { afterEach, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'

const EVENTS = ['SIGTERM', 'SIGINT', 'beforeExit', 'exit', 'uncaughtException', 'uncaughtExceptionMonitor'] as const

const listeners = () => EVENTS.map((event) => process.listenerCount(event))

const readers: BufferingMetricReader[] = []
afterEach(() => Promise.all(readers.splice(0).map((reader) => reader.shutdown())))

function readerWith(options: Partial<BufferingMetricReaderOptions>): BufferingMetricReader {
  const reader = new BufferingMetricReader({ adapters: [new CollectingAdapter()], ...options })
  readers.push(reader)
  return reader
}

test('a reader without flushOnExit listens to nothing', () => {
  const before = listeners()
  new MeterProvider({ readers: [readerWith({})] })
  new MeterProvider({ readers: [readerWith({ flushOnExit: false })] })
  expect(listeners()).toEqual(before)
})

test('a reader with flushOnExit listens from its registration to the end of its shutdown, and never to exceptions', async () => {
  const before = listeners()
  const reader = readerWith({ flushOnExit: true })
  expect(listeners()).toEqual(before)
  new MeterProvider({ readers: [reader] })
  expect(listeners().map((count, i) => count - before[i]!)).toEqual([1, 1, 1, 1, 0, 0])
  await reader.shutdown()
  expect(listeners()).toEqual(before)
})
