import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function pipeline() {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], collectTimeoutMillis: 1_000 })
  const provider = new MeterProvider({ readers: [reader] })
  return { adapter, reader, provider, log: diagLog() }
}

async function flushTakingAtMost(reader: BufferingMetricReader, millis: number): Promise<void> {
  const flushed = reader.flush()
  await vi.advanceTimersByTimeAsync(millis)
  await flushed
}

test.each([
  [
    'throws',
    () => {
      throw new Error('no gauge today')
    },
  ],
  ['rejects', () => Promise.reject(new Error('no gauge today'))],
])('a callback that %s costs its own observations and is reported', async (_how, callback) => {
  const { adapter, reader, provider, log } = pipeline()
  const meter = provider.getMeter('one')
  meter.createObservableGauge('broken').addCallback(callback)
  meter.createObservableGauge('fine').addCallback((result) => result.observe(2))
  meter.createCounter('counter').add(3)
  await flushTakingAtMost(reader, 0)
  expect(adapter.absorbed.map(({ name, value }) => [name, value])).toEqual([
    ['fine', 2],
    ['counter', 3],
  ])
  expect(reader.stats().collectErrors).toBe(1)
  expect(log).toEqual([
    'error sluice: 1 error(s) while collecting from the SDK; what was collected besides is kept no gauge today',
  ])
})

test('a callback that hangs holds the turn up to its deadline and costs its own observations', async () => {
  const { adapter, reader, provider } = pipeline()
  provider
    .getMeter('hanging')
    .createObservableGauge('stuck')
    .addCallback(() => new Promise(() => {}))
  provider.getMeter('hanging').createCounter('beside').add(1)
  provider.getMeter('other').createCounter('elsewhere').add(2)
  await flushTakingAtMost(reader, 1_000)
  expect(adapter.values('beside')).toEqual([1])
  expect(adapter.values('elsewhere')).toEqual([2])
  expect(reader.stats()).toMatchObject({ turns: 1, collectErrors: 1, lateCollections: 0 })
})

test('it hangs again in every turn without anything piling up', async () => {
  const { adapter, reader, provider } = pipeline()
  const counter = provider.getMeter('hanging').createCounter('beside')
  provider
    .getMeter('hanging')
    .createObservableGauge('stuck')
    .addCallback(() => new Promise(() => {}))
  for (let turn = 1; turn <= 3; turn++) {
    counter.add(turn)
    await flushTakingAtMost(reader, 1_000)
  }
  expect(adapter.values('beside')).toEqual([1, 2, 3])
})
