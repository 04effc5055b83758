import type { ObservableResult } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

const COLLECT_TIMEOUT = 1_000

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

function pipeline() {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], collectTimeoutMillis: COLLECT_TIMEOUT })
  const bySdk = new MeterProvider({ readers: [reader] }).getMeter('test')
  const byBuffer = reader.buffer.getMeter('test')
  /** A turn that takes at most so long; whether it does. */
  const settles = async (work: Promise<unknown>, mostMillis = 0) => {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    work.then(settle, settle)
    await vi.advanceTimersByTimeAsync(mostMillis)
    return isSettled
  }
  return { adapter, reader, bySdk, byBuffer, settles }
}

describe.each(['bySdk', 'byBuffer'] as const)('a callback that is registered %s', (way) => {
  test.each<readonly [what: string, callback: () => unknown]>([
    [
      'throws null',
      () => {
        throw null
      },
    ],
    [
      'throws nothing',
      () => {
        throw undefined
      },
    ],
    [
      'throws a symbol',
      () => {
        throw Symbol('s')
      },
    ],
    [
      'throws what throws',
      () => {
        throw revoked({})
      },
    ],
    [
      'throws an error whose name throws',
      () => {
        throw throwingAt('name', new Error('named'))
      },
    ],
    ['rejects with nothing', () => Promise.reject()],
    ['gives what is like a promise and throws', () => throwingAt('then')],
  ])('%s costs nothing but what it observes', async (_what, callback) => {
    const { adapter, reader, bySdk, byBuffer, settles, [way]: meter } = pipeline()
    meter.createObservableGauge('broken').addCallback(callback as never)
    meter.createObservableGauge('beside').addCallback((result) => result.observe(1))
    bySdk.createCounter('by the SDK').add(2)
    byBuffer.createCounter('by the buffer').add(3)
    expect(await settles(reader.flush())).toBe(true)
    expect(['beside', 'by the SDK', 'by the buffer'].map((name) => adapter.values(name))).toEqual([[1], [2], [3]])
    expect(reader.stats().collectErrors).toBe(1)
  })

  test('fails in every turn is told of once, and again once it has worked', async () => {
    const { reader, settles, [way]: meter } = pipeline()
    let works = false
    meter.createObservableGauge('broken').addCallback(() => (works ? undefined : throwing()))
    for (const each of [false, false, true, false, false]) {
      works = each
      await settles(reader.flush())
    }
    expect(reader.stats().collectErrors).toBe(4)
    expect(log.filter((line) => line.includes('while collecting from'))).toHaveLength(2)
  })

  test('records counts in the turn that follows, or in this one', async () => {
    const { adapter, reader, byBuffer, bySdk, settles, [way]: meter } = pipeline()
    const counters = [byBuffer.createCounter('counted'), bySdk.createCounter('counted')]
    let hasRecorded = false
    meter.createObservableGauge('gauge').addCallback(() => {
      if (hasRecorded) return
      hasRecorded = true
      for (const counter of counters) counter.add(1)
    })
    for (let turn = 0; turn < 3; turn++) await settles(reader.flush())
    expect((adapter.values('counted') as number[]).reduce((a, b) => a + b, 0)).toBe(2)
  })

  test('removes itself and fails is counted all the same, and runs no more', async () => {
    const { reader, settles, [way]: meter } = pipeline()
    const gauge = meter.createObservableGauge('gauge')
    const callback = () => {
      gauge.removeCallback(callback)
      throwing()
    }
    gauge.addCallback(callback)
    for (let turn = 0; turn < 3; turn++) await settles(reader.flush())
    expect(reader.stats().collectErrors).toBe(1)
  })

  test.each<readonly [what: string, wait: (reader: BufferingMetricReader) => Promise<unknown>]>([
    ['flush()', (reader) => reader.flush()],
    ['forceFlush()', (reader) => reader.forceFlush()],
    ['shutdown()', (reader) => reader.shutdown()],
    ['collect()', (reader) => reader.collect()],
  ])(
    'waits for %s, which waits for it, ends by the time-out of a collection, and that is said',
    async (_what, wait) => {
      const { adapter, reader, byBuffer, settles, [way]: meter } = pipeline()
      let hasEnded = false
      meter.createObservableGauge('gauge').addCallback(async () => {
        if (hasEnded) return
        await wait(reader)
        hasEnded = true
      })
      byBuffer.createCounter('counter').add(1)
      expect(await settles(reader.flush(), COLLECT_TIMEOUT)).toBe(true)
      expect(adapter.values('counter')).toEqual([1])
      await vi.advanceTimersByTimeAsync(3 * COLLECT_TIMEOUT)
      expect(hasEnded).toBe(true)
      expect(log.length).toBeGreaterThan(0)
    },
  )
})

test('a callback of the buffer that is late in every turn is told of once, and again once it was in time', async () => {
  const { reader, byBuffer, settles } = pipeline()
  let millis = 5_500
  byBuffer.createObservableGauge('gauge').addCallback(() => new Promise<void>((resolve) => setTimeout(resolve, millis)))
  for (let turn = 0; turn < 4; turn++) await settles(reader.flush(), COLLECT_TIMEOUT)
  expect([reader.stats().lateCollections, log.length]).toEqual([4, 1])
  millis = 0
  await vi.advanceTimersByTimeAsync(3_000)
  for (let turn = 0; turn < 2; turn++) await settles(reader.flush(), COLLECT_TIMEOUT)
  millis = 5_500
  await settles(reader.flush(), COLLECT_TIMEOUT)
  expect(log).toHaveLength(2)
})

describe('what is no callback, or no list of observables, of the buffer', () => {
  test.each([
    ['a number', 5],
    ['nothing', undefined],
    ['an object', {}],
  ])('such as %s is told of once and costs nothing', async (_what, callback) => {
    const { reader, byBuffer, settles } = pipeline()
    const gauge = byBuffer.createObservableGauge('gauge')
    gauge.addCallback(callback as never)
    byBuffer.addBatchObservableCallback(callback as never, [gauge])
    gauge.removeCallback(callback as never)
    for (let turn = 0; turn < 2; turn++) await settles(reader.flush())
    expect(reader.stats().collectErrors).toBe(0)
    expect(log.map((line) => line.replace(/got .*/, ''))).toEqual([
      'error sluice: the callback of gauge must be a function, ',
      'error sluice: the callback of gauge must be a function, ',
    ])
  })

  test.each([
    ['nothing', () => undefined],
    ['text', () => 'gauge'],
    ['a revoked proxy', () => revoked([])],
    ['revoked proxies', () => [revoked({})]],
    ['instruments of the SDK', () => [new MeterProvider().getMeter('other').createObservableGauge('other')]],
    ['those of another buffer', () => [new MetricsBuffer().getMeter('other').createObservableGauge('other')]],
  ])('such as %s is told of and runs nothing', async (_what, make) => {
    const { reader, byBuffer, settles } = pipeline()
    let runs = 0
    const callback = () => {
      runs++
    }
    byBuffer.addBatchObservableCallback(callback, make() as never)
    byBuffer.removeBatchObservableCallback(callback, make() as never)
    await settles(reader.flush())
    expect(runs).toBe(0)
    expect(log).toEqual([
      'error sluice: addBatchObservableCallback needs at least one observable instrument of this buffer',
    ])
  })

  test('beside those that are leaves these alone', async () => {
    const { adapter, reader, byBuffer, settles } = pipeline()
    const gauge = byBuffer.createObservableGauge('gauge')
    const foreign = new MetricsBuffer().getMeter('other').createObservableGauge('foreign')
    byBuffer.addBatchObservableCallback(
      (result) => {
        result.observe(foreign, 1)
        result.observe(gauge, 2)
        result.observe(undefined as never, 3)
      },
      [foreign, gauge, null as never, revoked({}) as never],
    )
    await settles(reader.flush())
    expect(adapter.absorbed.map(({ name, value }) => [name, value])).toEqual([['gauge', 2]])
    expect(log).toEqual([
      'warn sluice: addBatchObservableCallback leaves out what is no observable instrument of this buffer',
    ])
  })
})

test('whatever a callback of the buffer observes does not throw into it', async () => {
  const { adapter, reader, byBuffer, settles } = pipeline()
  byBuffer.createObservableGauge('gauge').addCallback((result: ObservableResult) => {
    for (const value of [null, 'x', Symbol('s'), 1n, revoked({}), throwingAt('valueOf'), () => {}]) {
      result.observe(value as never)
      result.observe(1, value as never)
    }
    result.observe(2, { last: true })
  })
  await settles(reader.flush())
  expect(adapter.values('gauge')).toEqual(expect.arrayContaining([1, 2]))
  expect(reader.stats()).toMatchObject({ collectErrors: 0, droppedMeasurements: 7 })
})
