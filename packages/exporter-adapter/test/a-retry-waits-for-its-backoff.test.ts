import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { Backoff } from '../src/push/retry.ts'
import { INTERVAL, pushPipeline, TIMEOUT } from './support/pipeline.ts'
import type { Answer } from './support/scripted-exporter.ts'

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

describe('the backoff', () => {
  const waits = (backoff: Backoff, failures: number) =>
    Array.from({ length: failures }, (_, i) => backoff.millisAfter(i + 1))

  test('doubles from the initial backoff up to the cap', () => {
    jitter(1)
    expect(waits(new Backoff({ initialBackoffMillis: 100, maxBackoffMillis: 1_000 }), 6)).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ])
  })

  test('is a second at first and half a minute at last, unless told otherwise', () => {
    jitter(1)
    expect(waits(new Backoff(), 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    expect(waits(new Backoff({ initialBackoffMillis: 60_000 }), 2)).toEqual([60_000, 60_000])
    expect(waits(new Backoff({ maxBackoffMillis: 500 }), 2)).toEqual([500, 500])
  })

  test('is anything from nothing up to that: full jitter', () => {
    for (const share of [0, 0.25, 0.999]) {
      jitter(share)
      expect(waits(new Backoff({ initialBackoffMillis: 1_000 }), 2)).toEqual([1_000 * share, 2_000 * share])
    }
  })

  test('stays at the cap after years of failures', () => {
    jitter(1)
    expect(new Backoff({ maxBackoffMillis: 1_000 }).millisAfter(2_000)).toBe(1_000)
  })
})

describe('an interval that comes before the backoff is over', () => {
  function failing(answer: Answer) {
    jitter(1)
    const pipeline = pushPipeline(undefined, { retry: { initialBackoffMillis: 2_500, maxBackoffMillis: 2_500 } })
    pipeline.exporter.answer = answer
    pipeline.counter.add(1)
    return pipeline
  }

  test('tries all the same what is known not to have arrived, and what comes goes on merging', async () => {
    const { exporter, counter, interval, stats } = failing('failBefore')
    await interval()
    for (const value of [10, 100]) {
      counter.add(value)
      await interval()
    }
    expect(exporter.calls).toHaveLength(3)
    expect(stats()).toMatchObject({ attempts: 3, failures: 3, pendingPoints: 2, mergedPoints: 1, pendingParcels: 2 })
    exporter.answer = 'success'
    await interval()
    expect(exporter.receiver.windows('counter').map(({ value }) => value)).toEqual([1, 110])
    expect(stats()).toMatchObject({ attempts: 5, deliveredPoints: 2, pendingPoints: 0 })
  })

  test('tries nothing where nothing was recorded since: an exporter that retries would keep the process alive', async () => {
    const { exporter, interval, counter } = failing('failBefore')
    await interval()
    await interval()
    expect(exporter.calls).toHaveLength(1)
    await interval()
    await interval()
    expect(exporter.calls).toHaveLength(2)
    counter.add(10)
    await interval()
    expect(exporter.calls).toHaveLength(3)
  })

  test('sends what is new, and what may have arrived only after its backoff', async () => {
    const { exporter, counter, interval, stats } = failing('failPlain')
    await interval()
    exporter.answer = 'success'
    for (const value of [10, 100]) {
      counter.add(value)
      await interval()
    }
    expect(exporter.receiver.windows('counter').map(({ value }) => value)).toEqual([10, 100])
    expect(stats()).toMatchObject({ attempts: 3, pendingPoints: 1, outcomeUnknown: 0 })
    await interval()
    expect(exporter.receiver.total('counter')).toBe(111)
    expect(stats()).toMatchObject({ attempts: 4, pendingPoints: 0, outcomeUnknown: 1, outcomeUnknownPoints: 1 })
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
    const { exporter, interval, reader } = failing('failPlain')
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

  test('sends again what was in a call that was given up, once its backoff is over', async () => {
    jitter(0.1)
    const { exporter, counter, interval, stats } = pushPipeline(undefined, { retry: { initialBackoffMillis: 10_000 } })
    exporter.answer = 'hang'
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    await vi.advanceTimersByTimeAsync(10 * TIMEOUT)
    expect(stats()).toMatchObject({ attempts: 1, pendingPoints: 1 })
    await vi.advanceTimersByTimeAsync(2 * INTERVAL)
    expect(stats()).toMatchObject({ attempts: 2, deliveredPoints: 1, outcomeUnknown: 1, pendingPoints: 0 })
  })
})

test('a batch that makes the exporter throw each time holds up nothing, and is tried less and less', async () => {
  jitter(1)
  const { exporter, counter, interval, stats } = pushPipeline(undefined, { retry: { initialBackoffMillis: 1_000 } })
  const take = exporter.export.bind(exporter)
  let throws = 0
  exporter.export = (metrics, done) => {
    if (JSON.stringify(metrics).includes('poison')) throw new Error(`no ${++throws}`)
    return take(metrics, done)
  }
  counter.add(1, { poison: true })
  await interval()
  for (let i = 0; i < 100; i++) {
    counter.add(1)
    await interval()
  }
  expect(exporter.receiver.total('counter')).toBe(100)
  expect(stats()).toMatchObject({ deliveredPoints: 100, pendingPoints: 1 })
  expect(throws).toBeLessThan(10)
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
    await vi.advanceTimersByTimeAsync(TIMEOUT)
    await done
    expect(exporter.receiver.total('counter')).toBe(1)
    expect(stats()).toMatchObject({ attempts: 3, deliveredPoints: 1, lostPoints: { shutdown: 0 } })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('tries at least every time-out, and a last time just before the deadline', async () => {
    jitter(1)
    const { exporter, reader, counter } = pushPipeline(undefined, { retry: { initialBackoffMillis: 5_000 } })
    exporter.answer = 'failBefore'
    counter.add(1)
    const startedMillis = performance.now()
    const calledAfter: number[] = []
    const take = exporter.export.bind(exporter)
    exporter.export = (metrics, done) => {
      calledAfter.push(performance.now() - startedMillis)
      return take(metrics, done)
    }
    const rejection = expect(reader.shutdown({ timeoutMillis: 2_000 })).rejects.toThrow(
      'shutdown lost 1 points (ScriptedExporter: 1): connect ECONNREFUSED',
    )
    await vi.advanceTimersByTimeAsync(2_000)
    await rejection
    expect(calledAfter).toEqual([0, 500, 1_000, 1_500, 1_800])
    expect(exporter.shutdowns).toBe(1)
  })

  test('goes on when a call that was out fails', async () => {
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

  test('sends again what hangs when one time-out is left', async () => {
    const { exporter, reader, counter, stats } = pushPipeline()
    exporter.answer = 'hang'
    counter.add(1)
    const done = reader.shutdown({ timeoutMillis: 6 * TIMEOUT })
    await vi.advanceTimersByTimeAsync(5 * TIMEOUT - 1)
    exporter.answer = 'success'
    expect(exporter.calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    await done
    expect(stats()).toMatchObject({ attempts: 2, deliveredPoints: 1, outcomeUnknown: 1 })
  })

  test('is not used up by what cannot be sent at all', async () => {
    let seals = 0
    const { reader, counter, stats } = pushPipeline(undefined, undefined, (attached) => {
      attached.cumulative.capture = async () => {
        seals++
        throw new Error('no capture')
      }
    })
    counter.add(1)
    const rejection = expect(reader.shutdown({ timeoutMillis: 2_000 })).rejects.toThrow(/lost 1 points .*: no capture/)
    await vi.advanceTimersByTimeAsync(100)
    await rejection
    expect(seals).toBeLessThanOrEqual(2)
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
