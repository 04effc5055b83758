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

test.each(['shutdown', 'forceFlush'] as const)(
  '%s sends what was recorded since beside a call that is over its time-out, and a late success is booked',
  async (end) => {
    const { exporter, reader, stats } = await whileOneIsOut()
    const ended = reader[end]({ timeoutMillis: 20 * TIMEOUT })
    await vi.advanceTimersByTimeAsync(0.9 * TIMEOUT)
    exporter.answer = 'success'
    expect(exporter.calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(0.2 * TIMEOUT)
    await ended
    expect([exporter.receiver.total('counter'), exporter.receiver.total('counter', { fresh: true })]).toEqual([42, 7])
    exporter.hanging[0]!.succeed()
    expect([exporter.receiver.total('counter'), exporter.receiver.total('counter', { fresh: true })]).toEqual([42, 7])
    expect(stats()).toMatchObject({ pendingPoints: 0, lostPoints: { shutdown: 0 } })
  },
)

test('a shutdown with an exporter that never answers says how many sums are lost with it', async () => {
  const { reader, stats } = await whileOneIsOut()
  const ended = expect(reader.shutdown({ timeoutMillis: 2 * TIMEOUT })).rejects.toThrow('lost 2 points')
  await vi.advanceTimersByTimeAsync(20 * TIMEOUT)
  await ended
  expect(stats()).toMatchObject({
    offeredPoints: 3,
    deliveredPoints: 0,
    supersededPoints: 1,
    lostPoints: { shutdown: 2 },
  })
})

test('a success that comes while the exporter shuts down is booked', async () => {
  const { exporter, reader, stats } = await whileOneIsOut()
  exporter.shutdown = async () => {
    for (const call of [...exporter.hanging]) call.succeed()
  }
  const ended = reader.shutdown({ timeoutMillis: 2 * TIMEOUT }).catch(() => undefined)
  await vi.advanceTimersByTimeAsync(20 * TIMEOUT)
  await ended
  expect(exporter.receiver.total('counter')).toBe(42)
  expect(stats()).toMatchObject({
    offeredPoints: 3,
    deliveredPoints: 2,
    supersededPoints: 1,
    lostPoints: { shutdown: 0 },
  })
})
