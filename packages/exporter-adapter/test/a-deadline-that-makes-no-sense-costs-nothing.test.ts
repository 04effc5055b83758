import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline } from './support/pipeline.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

const HOUR = 3_600_000

describe.each([Number.POSITIVE_INFINITY, Number.MAX_VALUE, 2 ** 31])('shutdown within %s ms', (timeoutMillis) => {
  test('waits for the receiver and backs off', async () => {
    // The longest of each backoff, so that the number of calls is known.
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { exporter, reader, counter } = pushPipeline(undefined, { retry: {} })
    exporter.answer = 'failBefore'
    counter.add(1)
    const done = reader.shutdown({ timeoutMillis })
    await vi.advanceTimersByTimeAsync(HOUR / 60)
    // One in each time-out at most, and those of the delivery before it.
    expect(exporter.calls.length).toBeLessThan(130)
    exporter.answer = 'success'
    await vi.advanceTimersByTimeAsync(HOUR / 60)
    await done
    expect(exporter.receiver.total('counter')).toBe(1)
  })
})

describe.each([Number.NaN, null, '5000', {}])('within %s ms', (given) => {
  const timeoutMillis = given as number

  test('a flush delivers, as without a deadline', async () => {
    const { exporter, reader, counter } = pushPipeline()
    exporter.answer = { afterMillis: 100 }
    counter.add(1)
    const done = reader.forceFlush({ timeoutMillis })
    await vi.advanceTimersByTimeAsync(100)
    await done
    expect(exporter.receiver.total('counter')).toBe(1)
  })

  test('a shutdown delivers, as without a deadline', async () => {
    const { exporter, reader, counter, stats } = pushPipeline()
    exporter.answer = { afterMillis: 100 }
    counter.add(1)
    const done = reader.shutdown({ timeoutMillis })
    await vi.advanceTimersByTimeAsync(100)
    await done
    expect(stats()).toMatchObject({ deliveredPoints: 1, lostPoints: { shutdown: 0 } })
  })

  test('a collection gives what there is', async () => {
    const { reader, counter } = pushPipeline()
    counter.add(1)
    const { resourceMetrics } = await reader.collect({ timeoutMillis })
    expect(resourceMetrics.scopeMetrics).toHaveLength(1)
  })
})
