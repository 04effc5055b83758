import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline, TIMEOUT } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

/** A pipeline whose exporter has not answered yet, and two series that were recorded since it was called. */
async function whileOneIsOut() {
  const pipeline = pushPipeline(new ScriptedExporter(AggregationTemporality.CUMULATIVE))
  const { exporter, counter, interval } = pipeline
  exporter.answer = 'hang'
  counter.add(1)
  await interval()
  counter.add(41)
  counter.add(7, { fresh: true })
  return pipeline
}

test.each([
  ['shutdown', 1.5],
  ['forceFlush', 1.5],
  // Longer than the delivery of the interval and that of the end wait for it, but within the deadline.
  ['shutdown', 2.5],
] as const)(
  '%s waits for a call that takes %d time-outs more, and then sends what was recorded after it',
  async (end, timeouts) => {
    const { exporter, reader, stats } = await whileOneIsOut()
    const ended = reader[end]({ timeoutMillis: 20 * TIMEOUT })
    await vi.advanceTimersByTimeAsync(timeouts * TIMEOUT)
    exporter.answer = 'success'
    exporter.hanging[0]!.succeed()
    await vi.advanceTimersByTimeAsync(TIMEOUT)
    await ended
    expect([exporter.receiver.total('counter'), exporter.receiver.total('counter', { fresh: true })]).toEqual([42, 7])
    expect(stats()).toMatchObject({ pendingPoints: 0, lostPoints: { shutdown: 0 } })
  },
)

test('a shutdown with a call that never answers says how many sums are lost with it, and after it', async () => {
  const { reader, stats } = await whileOneIsOut()
  const ended = expect(reader.shutdown({ timeoutMillis: 2 * TIMEOUT })).rejects.toThrow('lost 3 points')
  await vi.advanceTimersByTimeAsync(20 * TIMEOUT)
  await ended
  expect(stats()).toMatchObject({ offeredPoints: 3, deliveredPoints: 0, lostPoints: { shutdown: 3 } })
})

test('a success that comes at the very end is booked, and what was recorded after it is counted as lost', async () => {
  const { exporter, reader, stats } = await whileOneIsOut()
  exporter.shutdown = async () => exporter.hanging[0]!.succeed()
  const ended = expect(reader.shutdown({ timeoutMillis: 2 * TIMEOUT })).rejects.toThrow('lost 2 points')
  await vi.advanceTimersByTimeAsync(20 * TIMEOUT)
  await ended
  expect(stats()).toMatchObject({ offeredPoints: 3, deliveredPoints: 1, lostPoints: { shutdown: 2 } })
})

test('where nothing was recorded since, a success at the very end is all there is to say', async () => {
  const { exporter, counter, interval, reader, stats } = pushPipeline(
    new ScriptedExporter(AggregationTemporality.CUMULATIVE),
  )
  exporter.answer = 'hang'
  counter.add(1)
  await interval()
  exporter.shutdown = async () => exporter.hanging[0]!.succeed()
  const ended = reader.shutdown({ timeoutMillis: 2 * TIMEOUT }).catch(() => undefined)
  await vi.advanceTimersByTimeAsync(20 * TIMEOUT)
  await ended
  expect(stats()).toMatchObject({ offeredPoints: 1, deliveredPoints: 1, lostPoints: { shutdown: 0 } })
})
