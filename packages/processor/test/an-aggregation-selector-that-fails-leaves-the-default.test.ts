import { type AggregationOption, AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

async function recordedWith(aggregationSelector: () => AggregationOption) {
  const log = diagLog()
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], aggregationSelector })
  const meters = [new MeterProvider({ readers: [reader] }).getMeter('sdk'), reader.buffer.getMeter('buffer')]
  for (const meter of meters) {
    meter.createCounter('counter').add(1)
    meter.createCounter('another').add(1)
    meter.createHistogram('histogram').record(7)
  }
  await reader.flush()
  const buckets = adapter.values('histogram').map((value) => (value as { buckets?: unknown }).buckets !== undefined)
  return { counters: [...adapter.values('counter'), ...adapter.values('another')], buckets, log }
}

test.each<readonly [what: string, select: () => unknown]>([
  ['throws', throwing],
  ['gives nothing', () => undefined],
  ['gives a number', () => AggregationType.SUM],
  ['gives a type that there is not', () => ({ type: 99 })],
  ['gives the name of a type', () => ({ type: 'SUM' })],
  ['gives a promise', async () => ({ type: AggregationType.SUM })],
  ['gives a promise that rejects', async () => throwing()],
  ['gives what throws', () => throwingAt('type')],
  ['gives a revoked proxy', () => revoked({})],
  ['gives no boundaries', () => ({ type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: {} })],
])('one that %s, in the SDK and in the buffer, and is told of once in each', async (_what, select) => {
  const { counters, buckets, log } = await recordedWith(select as never)
  expect(counters).toEqual([1, 1, 1, 1])
  expect(buckets).toEqual([true, true])
  expect(log.filter((line) => line.includes('aggregationSelector ')).length).toBe(1)
  expect(log.filter((line) => line.includes('aggregationSelector(COUNTER)')).length).toBe(1)
})

test('one that works is asked as before', async () => {
  const { counters, log } = await recordedWith(() => ({ type: AggregationType.DROP }))
  expect([counters, log]).toEqual([[], []])
})
