import type { AttachedReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
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

test('no other export starts while one is under way, also across forceFlush', async () => {
  const { exporter, counter, interval, reader } = await hanging()
  exporter.answer = 'success'
  counter.add(2)
  await interval()
  const rejection = expect(reader.forceFlush()).rejects.toThrow(
    /left undelivered: 2 points .*an export has not called back for \d+ ms/,
  )
  await vi.advanceTimersByTimeAsync(3 * TIMEOUT)
  await rejection
  expect(exporter.calls).toHaveLength(1)
  exporter.hanging[0]!.succeed()
  await interval()
  expect(exporter.calls).toHaveLength(2)
  expect(exporter.receiver.total('counter')).toBe(3)
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

test('a second call that hangs is held and merged into until one of them settles', async () => {
  const { exporter, counter, stats } = await hanging()
  await vi.advanceTimersByTimeAsync(12 * TIMEOUT)
  expect(exporter.hanging).toHaveLength(2)
  for (let i = 0; i < 20; i++) {
    counter.add(1)
    await vi.advanceTimersByTimeAsync(INTERVAL)
  }
  expect(exporter.hanging).toHaveLength(2)
  expect(exporter.calls).toHaveLength(2)
  expect(stats()).toMatchObject({ pendingPoints: 2, mergedPoints: 19 })

  // The call that was given up settles: with its place free, the second one may be given up in turn.
  exporter.answer = 'success'
  exporter.hanging[0]!.fail()
  await vi.advanceTimersByTimeAsync(2 * INTERVAL)
  expect(exporter.receiver.total('counter')).toBe(21)
  expect(stats().pendingPoints).toBe(0)
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

test('a batch finished by the given-up call does not let the next one start while its resend is still running', async () => {
  const { exporter, counter, interval, stats } = pushPipeline(undefined, { maxExportBatchSize: 1 })
  exporter.answer = 'hang'
  for (let n = 0; n < 4; n++) counter.add(1, { n })
  await interval()
  await vi.advanceTimersByTimeAsync(12 * TIMEOUT)
  expect(exporter.hanging).toHaveLength(2)
  exporter.hanging[0]!.succeed()
  await vi.advanceTimersByTimeAsync(4 * INTERVAL)
  expect(exporter.running).toBe(1)
  expect(exporter.calls).toHaveLength(2)
  exporter.answer = 'success'
  exporter.hanging[0]!.succeed()
  await vi.advanceTimersByTimeAsync(2 * INTERVAL)
  expect(exporter.receiver.violations).toEqual([])
  expect(stats()).toMatchObject({ deliveredPoints: 4, pendingPoints: 0 })
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
