import type { AttachedReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { INTERVAL, pushPipeline, TIMEOUT } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

async function hanging(
  exporter = new ScriptedExporter(),
  onAttach: (reader: { -readonly [K in keyof AttachedReader]: AttachedReader[K] }) => void = () => {},
) {
  const pipeline = pushPipeline(exporter, undefined, onAttach)
  pipeline.exporter.answer = 'hang'
  pipeline.counter.add(1)
  await pipeline.interval()
  await vi.advanceTimersByTimeAsync(TIMEOUT)
  return pipeline
}

test('a call that succeeds after its time-out is delivered, and sent only once', async () => {
  const { exporter, interval, stats } = await hanging()
  expect(stats()).toMatchObject({
    failures: 1,
    pendingPoints: 1,
    lastError: 'no answer within 500 ms; waiting for it, a late success counts',
  })
  exporter.hanging[0]!.succeed()
  exporter.answer = 'success'
  await interval()
  await interval()
  expect(exporter.calls).toHaveLength(1)
  expect(exporter.receiver.total('counter')).toBe(1)
  expect(stats()).toMatchObject({ deliveredPoints: 1, pendingPoints: 0, failures: 1, outcomeUnknown: 0 })
})

test('no other export starts while one is within its time-out, also across forceFlush', async () => {
  const { exporter, counter, interval, reader } = pushPipeline()
  exporter.answer = { afterMillis: 0.9 * TIMEOUT }
  counter.add(1)
  await interval()
  counter.add(2)
  const flushed = reader.forceFlush()
  await vi.advanceTimersByTimeAsync(2 * TIMEOUT)
  await flushed
  expect(exporter.calls).toHaveLength(2)
  expect(exporter.youngestBeside).toBe(Number.POSITIVE_INFINITY)
  expect(exporter.receiver.total('counter')).toBe(3)
})

test('what was never sent goes out beside a call that is over its time-out, and what is in that is not sent again', async () => {
  const { exporter, counter, interval, reader, stats } = await hanging()
  exporter.answer = 'success'
  counter.add(2)
  await interval()
  counter.add(4)
  const rejection = expect(reader.forceFlush()).rejects.toThrow(/left undelivered: 1 points .*no answer within 500 ms/)
  await vi.advanceTimersByTimeAsync(TIMEOUT)
  await rejection
  expect(exporter.calls).toHaveLength(3)
  expect(exporter.receiver.total('counter')).toBe(6)
  exporter.hanging[0]!.succeed()
  await interval()
  expect(exporter.calls).toHaveLength(3)
  expect(exporter.receiver.total('counter')).toBe(7)
  expect(stats()).toMatchObject({ outcomeUnknown: 0, pendingPoints: 0 })
})

test('a call that fails late is resent, as it may have arrived', async () => {
  const { exporter, interval, stats } = await hanging()
  exporter.hanging[0]!.fail()
  exporter.answer = 'success'
  await interval()
  expect(exporter.calls).toHaveLength(2)
  expect(stats()).toMatchObject({ deliveredPoints: 1, outcomeUnknown: 1, failures: 1 })
})

test('only the first answer of a call counts; the others are reported once', async () => {
  const { exporter, interval, stats, counter } = pushPipeline()
  exporter.export = (metrics, done) => {
    exporter.calls.push(metrics)
    done({ code: 0 })
    done({ code: 1, error: new Error('second thoughts') })
  }
  counter.add(1)
  await interval()
  await interval()
  expect(exporter.calls).toHaveLength(1)
  counter.add(1)
  await interval()
  expect(stats()).toMatchObject({ deliveredPoints: 2, failures: 0 })
  expect(log).toEqual([
    'warn sluice: ScriptedExporter: an export was answered more than once; the first answer counts, this is ignored: second thoughts',
  ])
})

test('after ten time-outs the call is given up and its batch resent', async () => {
  const { exporter, stats } = await hanging()
  await vi.advanceTimersByTimeAsync(9 * TIMEOUT)
  expect(exporter.calls).toHaveLength(1)
  exporter.answer = 'success'
  await vi.advanceTimersByTimeAsync(2 * INTERVAL)
  expect(exporter.calls).toHaveLength(2)
  expect(exporter.calls[1]!.scopeMetrics).toEqual(exporter.calls[0]!.scopeMetrics)
  expect(stats()).toMatchObject({ deliveredPoints: 1, outcomeUnknown: 1, pendingPoints: 0 })
  expect(log.some((line) => /giving up on an export that has not called back/.test(line))).toBe(true)
})

describe('an exporter that never calls back', () => {
  test('is sent what is new at each interval, and nothing again before ten time-outs', async () => {
    const { exporter, counter, interval, stats } = await hanging()
    for (let i = 0; i < 20; i++) {
      counter.add(1)
      await interval()
    }
    expect(exporter.youngestTwin).toBeGreaterThanOrEqual(10 * TIMEOUT)
    expect(stats()).toMatchObject({ mergedPoints: 0, pendingPoints: 21 })
    exporter.answer = 'success'
    for (const call of [...exporter.hanging]) call.fail()
    for (let i = 0; i < 5; i++) await interval()
    expect(exporter.receiver.total('counter')).toBe(21)
    expect(exporter.receiver.violations).toEqual([])
    expect(stats().pendingPoints).toBe(0)
  })

  test('is called once in an interval once a hundred calls are out, as it may be well again, and what comes is merged', async () => {
    const { exporter, counter, interval, stats } = await hanging()
    for (let i = 0; i < 200; i++) {
      const before = exporter.calls.length
      counter.add(1)
      await interval()
      if (before >= 100) expect(exporter.calls.length - before).toBeLessThanOrEqual(1)
    }
    expect(stats()).toMatchObject({ offeredPoints: 201, deliveredPoints: 0 })
    expect(stats().pendingPoints).toBeLessThanOrEqual(72)
    exporter.answer = 'success'
    for (const call of [...exporter.hanging]) call.succeed()
    await interval()
    expect(exporter.receiver.total('counter')).toBe(201)
    expect(stats().pendingPoints).toBe(0)
  })
})

test('a given-up call that succeeds before its batch was resent counts, and cancels the resend', async () => {
  const { exporter, stats } = await hanging()
  await vi.advanceTimersByTimeAsync(12 * TIMEOUT)
  const [givenUp, second] = [...exporter.hanging]
  givenUp!.succeed()
  await vi.advanceTimersByTimeAsync(0)
  expect(stats()).toMatchObject({ deliveredPoints: 1, pendingPoints: 0 })
  second!.fail()
  exporter.answer = 'success'
  await vi.advanceTimersByTimeAsync(3 * INTERVAL)
  expect(exporter.calls).toHaveLength(2)
  expect(stats()).toMatchObject({ deliveredPoints: 1, pendingPoints: 0 })
})

test('a given-up call that is rejected while its batch is under way again does not lose what the resend delivers', async () => {
  const { exporter, stats } = await hanging()
  await vi.advanceTimersByTimeAsync(12 * TIMEOUT)
  const [givenUp, second] = [...exporter.hanging]
  givenUp!.reject()
  await vi.advanceTimersByTimeAsync(0)
  second!.succeed()
  await vi.advanceTimersByTimeAsync(0)
  expect(stats()).toMatchObject({ deliveredPoints: 1, lostPoints: { rejected: 0 }, pendingPoints: 0 })
})

test('a slow call that turns out never to have connected is resent without counting as unknown', async () => {
  const { exporter, interval, stats } = await hanging()
  const details = 'No connection established'
  exporter.hanging[0]!.refuse(Object.assign(new Error(details), { code: 14, details }))
  exporter.answer = 'success'
  await interval()
  expect(stats()).toMatchObject({ deliveredPoints: 1, outcomeUnknown: 0, failures: 1, lastError: details })
})

test('one whose last try was refused, after tries that nobody told of, is resent and counts as unknown', async () => {
  const { exporter, interval, stats } = await hanging()
  exporter.hanging[0]!.refuse()
  exporter.answer = 'success'
  await interval()
  expect(stats()).toMatchObject({
    deliveredPoints: 1,
    outcomeUnknown: 1,
    failures: 1,
    lastError: 'connect ECONNREFUSED',
  })
})

test('a given-up call that succeeds while its batch is arranged again cancels the resend', async () => {
  const exporter = new ScriptedExporter()
  const { stats } = await hanging(exporter, (reader) => {
    const inSlices = reader.inSlices.bind(reader)
    reader.inSlices = async (items, work) => {
      await inSlices(items, work)
      // By the time the batch is arranged for the second time.
      if (exporter.calls.length === 1) exporter.hanging[0]?.succeed()
      // Booking it takes a few promises.
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
  })
  await vi.advanceTimersByTimeAsync(14 * TIMEOUT)
  expect(exporter.calls).toHaveLength(1)
  expect(stats()).toMatchObject({ offeredPoints: 1, deliveredPoints: 1, pendingPoints: 0, outcomeUnknown: 0 })
})
