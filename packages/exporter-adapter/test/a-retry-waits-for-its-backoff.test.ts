import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { RetryClock } from '../src/push/retry.ts'
import { INTERVAL, pushPipeline, TIMEOUT } from './support/pipeline.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** The longest wait the jitter allows, or half of it. */
function jitter(share: number): void {
  vi.spyOn(Math, 'random').mockReturnValue(share)
}

describe('the wait after a failure', () => {
  const waits = (clock: RetryClock, failures: number) =>
    Array.from({ length: failures }, () => {
      clock.failed()
      return clock.remainingMillis
    })

  test('doubles from the initial backoff up to the cap', () => {
    jitter(1)
    expect(waits(new RetryClock({ initialBackoffMillis: 100, maxBackoffMillis: 1_000 }), 6)).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ])
  })

  test('is a second at first and half a minute at last, unless told otherwise', () => {
    jitter(1)
    expect(waits(new RetryClock(), 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    expect(waits(new RetryClock({ initialBackoffMillis: 60_000 }), 2)).toEqual([60_000, 60_000])
    expect(waits(new RetryClock({ maxBackoffMillis: 500 }), 2)).toEqual([500, 500])
  })

  test('is anything from nothing up to that: full jitter', () => {
    for (const share of [0, 0.25, 0.999]) {
      jitter(share)
      expect(waits(new RetryClock({ initialBackoffMillis: 1_000 }), 2)).toEqual([1_000 * share, 2_000 * share])
    }
  })

  test('stays at the cap after years of failures', () => {
    jitter(1)
    expect(waits(new RetryClock({ maxBackoffMillis: 1_000 }), 2_000).at(-1)).toBe(1_000)
  })

  test('starts anew after a success', () => {
    jitter(1)
    const clock = new RetryClock({ initialBackoffMillis: 100 })
    waits(clock, 3)
    clock.succeeded()
    expect(clock).toMatchObject({ remainingMillis: 0, failuresInARow: 0 })
    expect(waits(clock, 1)).toEqual([100])
  })
})

describe('an interval that comes before the backoff is over', () => {
  function failing() {
    jitter(1)
    const pipeline = pushPipeline(undefined, { retry: { initialBackoffMillis: 2_500, maxBackoffMillis: 2_500 } })
    pipeline.exporter.answer = 'failBefore'
    pipeline.counter.add(1)
    return pipeline
  }

  test('starts no Export call and is no failure, and what it brings goes on merging', async () => {
    const { exporter, counter, interval, stats } = failing()
    await interval()
    for (const value of [10, 100]) {
      counter.add(value)
      await interval()
    }
    expect(exporter.calls).toHaveLength(1)
    expect(stats()).toMatchObject({ attempts: 1, failures: 1, pendingPoints: 2, mergedPoints: 1, pendingParcels: 2 })
    exporter.answer = 'success'
    await interval()
    expect(exporter.receiver.windows('counter').map(({ value }) => value)).toEqual([1, 110])
    expect(stats()).toMatchObject({ attempts: 3, deliveredPoints: 2, pendingPoints: 0 })
  })

  test('starts one when a success has come meanwhile, as late as it came', async () => {
    jitter(1)
    const { exporter, counter, interval, stats } = pushPipeline(undefined, { retry: { initialBackoffMillis: 60_000 } })
    exporter.answer = 'hang'
    counter.add(1)
    await interval()
    await vi.advanceTimersByTimeAsync(TIMEOUT)
    exporter.hanging[0]!.succeed()
    exporter.answer = 'success'
    counter.add(2)
    await interval()
    expect(exporter.receiver.total('counter')).toBe(3)
    expect(stats()).toMatchObject({ attempts: 2, failures: 1, pendingPoints: 0 })
  })

  test('does not keep forceFlush from trying, once for each call', async () => {
    const { exporter, interval, reader } = failing()
    await interval()
    await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: 1 points/)
    await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: 1 points/)
    expect(exporter.calls).toHaveLength(3)
    await interval()
    expect(exporter.calls).toHaveLength(3)
    exporter.answer = 'success'
    await reader.forceFlush()
    expect(exporter.receiver.total('counter')).toBe(1)
  })

  test('sends again a call that was given up: it has been waited for long enough', async () => {
    jitter(1)
    const { exporter, counter, interval, stats } = pushPipeline(undefined, { retry: { initialBackoffMillis: 60_000 } })
    exporter.answer = 'hang'
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    await vi.advanceTimersByTimeAsync(10 * TIMEOUT + INTERVAL)
    expect(stats()).toMatchObject({ deliveredPoints: 1, outcomeUnknown: 1, pendingPoints: 0 })
  })

  test('is over as soon as the batch is rejected or delivered: only a failure starts another wait', async () => {
    const { exporter, counter, interval, stats } = failing()
    await interval()
    exporter.answer = 'reject'
    await vi.advanceTimersByTimeAsync(3 * INTERVAL)
    expect(stats().lostPoints.rejected).toBe(1)
    exporter.answer = 'success'
    counter.add(5)
    await interval()
    expect(exporter.receiver.total('counter')).toBe(5)
  })
})

describe('shutdown with a deadline', () => {
  test('tries again after each backoff until it is delivered', async () => {
    jitter(0.5)
    const { exporter, reader, counter, stats } = pushPipeline(undefined, { retry: { initialBackoffMillis: 600 } })
    exporter.answer = 'failBefore'
    counter.add(1)
    const done = reader.shutdown({ timeoutMillis: 2_000 })
    await vi.advanceTimersByTimeAsync(299)
    expect(exporter.calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(exporter.calls).toHaveLength(2)
    exporter.answer = 'success'
    await vi.advanceTimersByTimeAsync(600)
    await done
    expect(exporter.receiver.total('counter')).toBe(1)
    expect(stats()).toMatchObject({ attempts: 3, deliveredPoints: 1, lostPoints: { shutdown: 0 } })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends as soon as no other attempt would start before it', async () => {
    jitter(1)
    const { exporter, reader, counter } = pushPipeline(undefined, { retry: { initialBackoffMillis: 5_000 } })
    exporter.answer = 'failBefore'
    counter.add(1)
    await expect(reader.shutdown({ timeoutMillis: 2_000 })).rejects.toThrow(
      'shutdown lost 1 points (ScriptedExporter: 1): connect ECONNREFUSED',
    )
    expect([exporter.calls.length, exporter.shutdowns]).toEqual([1, 1])
  })

  test('waits for a call that is out, and goes on when it fails', async () => {
    jitter(0.5)
    const { exporter, reader, counter, stats } = pushPipeline(undefined, { retry: { initialBackoffMillis: 600 } })
    exporter.answer = 'hang'
    counter.add(1)
    const done = reader.shutdown({ timeoutMillis: 4_000 })
    await vi.advanceTimersByTimeAsync(1_700)
    exporter.answer = 'success'
    exporter.hanging[0]!.fail()
    await vi.advanceTimersByTimeAsync(600)
    await done
    expect(stats()).toMatchObject({ attempts: 2, deliveredPoints: 1, outcomeUnknown: 1, lostPoints: { shutdown: 0 } })
  })

  test('gives up what hangs for ten time-outs, also on the way', async () => {
    const { exporter, reader, counter, stats } = pushPipeline()
    exporter.answer = 'hang'
    counter.add(1)
    const done = reader.shutdown({ timeoutMillis: 20 * TIMEOUT })
    await vi.advanceTimersByTimeAsync(9 * TIMEOUT)
    exporter.answer = 'success'
    await vi.advanceTimersByTimeAsync(2 * TIMEOUT)
    await done
    expect(stats()).toMatchObject({ attempts: 2, deliveredPoints: 1, outcomeUnknown: 1 })
  })

  test('does not spin on what fails before anything is sent', async () => {
    let seals = 0
    const { reader, counter, stats } = pushPipeline(undefined, undefined, (attached) => {
      attached.cumulative.capture = async () => {
        seals++
        throw new Error('no capture')
      }
    })
    counter.add(1)
    await expect(reader.shutdown({ timeoutMillis: 2_000 })).rejects.toThrow(/lost 1 points .*: no capture/)
    expect(seals).toBe(1)
    expect(stats().lostPoints.shutdown).toBe(1)
  })

  test('without one tries once', async () => {
    const { exporter, reader, counter } = pushPipeline()
    exporter.answer = 'failBefore'
    counter.add(1)
    await expect(reader.shutdown()).rejects.toThrow(/lost 1 points/)
    expect(exporter.calls).toHaveLength(1)
  })
})

test('any number of forceFlush and shutdown, in any order, are one export at a time and all have their answer', async () => {
  const { exporter, reader, counter } = pushPipeline()
  exporter.answer = { afterMillis: 100 }
  counter.add(1)
  const asked = [
    reader.forceFlush(),
    reader.forceFlush({ timeoutMillis: 50 }),
    reader.shutdown({ timeoutMillis: 2_000 }),
    reader.forceFlush(),
    reader.shutdown(),
    reader.forceFlush({ timeoutMillis: 1 }),
  ]
  const answers = Promise.allSettled(asked)
  await vi.advanceTimersByTimeAsync(2_000)
  expect((await answers).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
  ])
  expect(exporter.youngestBeside).toBe(Number.POSITIVE_INFINITY)
  expect(exporter.receiver.total('counter')).toBe(1)
  expect(exporter.shutdowns).toBe(1)
})
