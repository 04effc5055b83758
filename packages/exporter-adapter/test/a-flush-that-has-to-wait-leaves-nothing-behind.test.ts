import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { pushPipeline } from './support/pipeline.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

test('what is recorded while a flush waits for an export that is under way goes out with it', async () => {
  const { exporter, reader, counter, interval } = pushPipeline()
  exporter.answer = { afterMillis: 400 }
  counter.add(1)
  await interval()
  const flushed = reader.forceFlush()
  await vi.advanceTimersByTimeAsync(200)
  counter.add(5)
  exporter.answer = 'success'
  await vi.advanceTimersByTimeAsync(200)
  await flushed
  expect(exporter.receiver.total('counter')).toBe(6)
})
