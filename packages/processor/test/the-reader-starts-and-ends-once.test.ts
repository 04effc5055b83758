import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type BufferingMetricReaderOptions } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

/** Passes when the test moves the fake clock that far, and not by waiting. */
function fakeMillis(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis))
}

/** @param adapterTimeoutMillis how long the adapter says that one export may take */
function pipeline(options: Partial<BufferingMetricReaderOptions> = {}, adapterTimeoutMillis?: number) {
  const adapter = Object.assign(new CollectingAdapter(), { exportTimeoutMillis: adapterTimeoutMillis })
  const reader = new BufferingMetricReader({ adapters: [adapter], exportIntervalMillis: 1_000, ...options })
  const provider = new MeterProvider({ readers: [reader] })
  return { adapter, reader, provider, counter: provider.getMeter('test').createCounter('counter') }
}

describe('registration', () => {
  test('twice throws', () => {
    const { reader } = pipeline()
    expect(() => new MeterProvider({ readers: [reader] })).toThrow(/can not be bound to a MeterProvider again/)
  })

  test('is what starts the intervals', async () => {
    const adapter = new CollectingAdapter()
    new BufferingMetricReader({ adapters: [adapter], exportIntervalMillis: 10 })
    await vi.advanceTimersByTimeAsync(100)
    expect(adapter.deliveries).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('intervals', () => {
  test('a turn and a delivery follow each one', async () => {
    const { adapter, reader, counter } = pipeline()
    counter.add(1)
    await vi.advanceTimersByTimeAsync(1_000)
    counter.add(2)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(adapter.values('counter')).toEqual([1, 2])
    expect(adapter.deliveries).toBe(2)
    expect(reader.stats().turns).toBe(2)
  })

  test('the reader turns at the shortest of its adapters, and each delivers at its own', async () => {
    const [often, seldom] = [
      new CollectingAdapter('often', { exportIntervalMillis: 100 }),
      new CollectingAdapter('seldom', { exportIntervalMillis: 300 }),
    ]
    const { reader } = pipeline({ adapters: [often, seldom], exportIntervalMillis: 60_000 })
    await vi.advanceTimersByTimeAsync(900)
    expect(reader.stats().turns).toBe(9)
    expect(often.deliveries).toBe(9)
    expect(seldom.deliveries).toBe(3)
  })

  test('a delivery that is slow is not joined by another one, nor made up for: the next one is at the next interval', async () => {
    const { adapter } = pipeline()
    const began = performance.now()
    const starts: number[] = []
    adapter.onDeliver = async () => {
      starts.push(performance.now() - began)
      await fakeMillis(3_500)
    }
    await vi.advanceTimersByTimeAsync(10_000)
    expect(starts).toEqual([1_000, 5_000, 9_000])
  })

  test('collectIntervalMillis observes more often than it exports', async () => {
    const { adapter, reader, provider } = pipeline({ collectIntervalMillis: 100 })
    let observations = 0
    provider
      .getMeter('test')
      .createObservableGauge('gauge')
      .addCallback((result) => result.observe(++observations))
    await vi.advanceTimersByTimeAsync(950)
    expect(observations).toBe(9)
    expect(adapter.absorbed).toEqual([])
    await reader.flush()
    expect(adapter.values('gauge')).toEqual([10])
  })

  test('keep going when a delivery fails', async () => {
    const { adapter } = pipeline()
    adapter.onDeliver = async () => {
      throw new Error('refused')
    }
    await vi.advanceTimersByTimeAsync(3_000)
    expect(adapter.deliveries).toBe(3)
  })
})

describe('forceFlush', () => {
  test('turns, then delivers with force', async () => {
    const { adapter, reader, counter } = pipeline()
    const forced: boolean[] = []
    adapter.onDeliver = async ({ force }) => void forced.push(force)
    counter.add(1)
    await reader.forceFlush()
    expect(adapter.values('counter')).toEqual([1])
    expect(forced).toEqual([true])
  })

  test('rejects with what is undelivered and why', async () => {
    const { adapter, reader, counter } = pipeline()
    counter.add(1)
    adapter.pendingPoints = 1
    adapter.onDeliver = async () => {
      throw new Error('connect ECONNREFUSED 127.0.0.1:4318')
    }
    await expect(reader.forceFlush()).rejects.toThrow(
      'forceFlush left undelivered: 1 points (collecting: 1): connect ECONNREFUSED 127.0.0.1:4318',
    )
  })

  test('rejects at its deadline', async () => {
    const { adapter, reader } = pipeline()
    adapter.onDeliver = () => new Promise(() => {})
    const rejection = expect(reader.forceFlush({ timeoutMillis: 50 })).rejects.toThrow(/not done/)
    await vi.advanceTimersByTimeAsync(50)
    await rejection
  })

  test('delivers what was recorded before it also when a delivery is under way', async () => {
    const { adapter, reader, counter } = pipeline()
    const delivered: number[] = []
    adapter.onDeliver = async () => {
      const seen = adapter.absorbed.length
      await fakeMillis(700)
      delivered.push(seen)
    }
    counter.add(1)
    await vi.advanceTimersByTimeAsync(1_000)
    counter.add(1)
    const flushed = reader.forceFlush()
    await vi.advanceTimersByTimeAsync(1_400)
    await flushed
    expect(delivered).toEqual([1, 2])
  })

  test('after shutdown does nothing and says so', async () => {
    const { adapter, reader } = pipeline()
    await reader.shutdown()
    const log = diagLog()
    const deliveries = adapter.deliveries
    await reader.forceFlush()
    expect(adapter.deliveries).toBe(deliveries)
    expect(log).toEqual(['warn sluice: forceFlush() after shutdown does nothing'])
  })
})

describe('shutdown', () => {
  test('twice is one shutdown, and both get the same promise', async () => {
    const { adapter, reader } = pipeline()
    const first = reader.shutdown()
    expect(reader.shutdown()).toBe(first)
    await first
    expect(adapter.shutdowns).toBe(1)
  })

  test('delivers what was recorded before it, and stops the intervals', async () => {
    const { adapter, provider, counter } = pipeline()
    counter.add(1)
    await provider.shutdown()
    expect(adapter.values('counter')).toEqual([1])
    expect(adapter.deliveries).toBe(1)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(adapter.deliveries).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('rejects with what is lost and why, after the exporters were shut down', async () => {
    const { adapter, reader, counter } = pipeline()
    counter.add(1)
    adapter.pendingPoints = 1
    adapter.onDeliver = async () => {
      throw new Error('503')
    }
    await expect(reader.shutdown()).rejects.toThrow('shutdown lost 1 points (collecting: 1): 503')
    expect(adapter.shutdowns).toBe(1)
  })

  test('keeps to its deadline when a delivery hangs', async () => {
    const { adapter, reader } = pipeline()
    adapter.onDeliver = () => new Promise(() => {})
    const rejection = expect(reader.shutdown({ timeoutMillis: 200 })).rejects.toThrow(/not done/)
    await vi.advanceTimersByTimeAsync(200)
    await rejection
    expect(adapter.shutdowns).toBe(1)
  })

  test.each(['shutdown', 'forceFlush'] as const)(
    '%s without a deadline waits for twice the collect and export time-outs, and no longer',
    async (end) => {
      const { adapter, reader } = pipeline({ exportTimeoutMillis: 500, collectTimeoutMillis: 250 })
      adapter.onDeliver = () => new Promise(() => {})
      let isSettled = false
      const rejection = expect(
        reader[end]().finally(() => {
          isSettled = true
        }),
      ).rejects.toThrow(/not done/)
      await vi.advanceTimersByTimeAsync(1_499)
      expect(isSettled).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      await rejection
      expect(adapter.shutdowns).toBe(end === 'shutdown' ? 1 : 0)
    },
  )

  test('without a deadline gives an adapter its own time-out, where it has one', async () => {
    const { adapter, reader } = pipeline({ exportTimeoutMillis: 500, collectTimeoutMillis: 250 }, 900)
    adapter.onDeliver = () => fakeMillis(2 * (900 + 250) - 1)
    const done = reader.shutdown()
    await vi.advanceTimersByTimeAsync(2 * (900 + 250))
    await done
  })

  test('with a deadline tells the adapters how long to go on trying, and forceFlush does not', async () => {
    const { adapter, reader } = pipeline()
    const asked: unknown[] = []
    adapter.onDeliver = async (options) => {
      asked.push(options)
    }
    await reader.forceFlush({ timeoutMillis: 1_000 })
    await reader.shutdown({ timeoutMillis: 1_000 })
    expect(asked).toEqual([{ force: true }, { force: true, retryForMillis: expect.closeTo(1_000, -2) }])
  })

  test('ends collect() and flush()', async () => {
    const { reader } = pipeline()
    await reader.shutdown()
    await expect(reader.collect()).rejects.toThrow(/collect\(\) after shutdown/)
    await expect(reader.flush()).rejects.toThrow(/flush\(\) after shutdown/)
  })

  test('ends collect() and flush() as it begins: what they took would be drained no more', async () => {
    const { adapter, reader } = pipeline()
    adapter.onDeliver = () => fakeMillis(100)
    const shutdown = reader.shutdown()
    await expect(reader.collect()).rejects.toThrow(/collect\(\) after shutdown/)
    await expect(reader.flush()).rejects.toThrow(/flush\(\) after shutdown/)
    await vi.advanceTimersByTimeAsync(100)
    await shutdown
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no way')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no way'))],
    ['hangs', () => new Promise<void>(() => {})],
  ])('of one adapter that %s does not keep the others from theirs', async (_how, end) => {
    const [bad, good] = [new CollectingAdapter('bad'), new CollectingAdapter('good')]
    bad.shutdown = end
    const { reader } = pipeline({ adapters: [bad, good] })
    const rejection = expect(reader.shutdown({ timeoutMillis: 500 })).rejects.toThrow(
      /shutdown failed: (no way|bad did not shut down in time)/,
    )
    await vi.advanceTimersByTimeAsync(700)
    await rejection
    expect(good.shutdowns).toBe(1)
  })

  test('of a reader that was never registered shuts its exporters down, and it cannot be registered afterwards', async () => {
    const adapter = new CollectingAdapter()
    const reader = new BufferingMetricReader({ adapters: [adapter] })
    await reader.shutdown()
    expect([adapter.deliveries, adapter.shutdowns]).toEqual([0, 1])
    expect(() => new MeterProvider({ readers: [reader] })).toThrow(/registered after shutdown/)
  })
})
