import { AggregationTemporality, DataPointType, MeterProvider, type MetricData } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { OneCell } from './support/one-cell.ts'
import { metric, ScriptedProducer, START } from './support/scripted-producer.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

function pipeline() {
  const producer = new ScriptedProducer()
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    metricProducers: [producer],
    collectTimeoutMillis: 20,
  })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  return { producer, adapter, reader, counter }
}

describe('a producer', () => {
  test('that gives deltas is passed on as it is', async () => {
    const { producer, adapter, reader } = pipeline()
    producer.gives(metric(DataPointType.SUM, 3, { temporality: AggregationTemporality.DELTA }))
    await reader.flush()
    await reader.flush()
    expect(adapter.values('produced')).toEqual([3, 3])
  })

  test('that gives cumulative sums is differenced', async () => {
    const { producer, adapter, reader } = pipeline()
    for (const total of [3, 3, 10]) {
      producer.gives(metric(DataPointType.SUM, total))
      await reader.flush()
    }
    expect(adapter.values('produced')).toEqual([3, 0, 7])
  })

  test('that starts anew or falls has been reset: its whole value is new', async () => {
    const { producer, adapter, reader } = pipeline()
    producer.gives(metric(DataPointType.SUM, 10))
    await reader.flush()
    producer.gives(metric(DataPointType.SUM, 4))
    await reader.flush()
    producer.gives(metric(DataPointType.SUM, 6, { start: [START[0] + 100, 0] }))
    await reader.flush()
    expect(adapter.values('produced')).toEqual([10, 4, 6])
  })

  test('may let a sum that is not monotonic fall', async () => {
    const { producer, adapter, reader } = pipeline()
    for (const total of [10, 4]) {
      producer.gives(metric(DataPointType.SUM, total, { isMonotonic: false }))
      await reader.flush()
    }
    expect(adapter.values('produced')).toEqual([10, -6])
  })

  test('gives gauges that are their latest value in either temporality', async () => {
    const { producer, adapter, reader } = pipeline()
    for (const value of [10, 4]) {
      producer.gives(metric(DataPointType.GAUGE, value))
      await reader.flush()
    }
    expect(adapter.values('produced')).toEqual([10, 4])
  })

  test.each([
    [
      'explicit',
      DataPointType.HISTOGRAM,
      () => new OneCell({ type: DataPointType.HISTOGRAM, boundaries: [1, 10, 100] }),
    ],
    [
      'exponential',
      DataPointType.EXPONENTIAL_HISTOGRAM,
      () => new OneCell({ type: DataPointType.EXPONENTIAL_HISTOGRAM }),
    ],
  ] as const)(
    'that gives cumulative %s histograms arrives as what was recorded in between',
    async (_kind, type, create) => {
      const values = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 10 })
      await fc.assert(
        fc.asyncProperty(values, values, async (first, second) => {
          const { producer, adapter, reader } = pipeline()
          const cell = create()
          for (const value of first) cell.record(value)
          producer.gives(metric(type, cell.toValue()))
          await reader.flush()
          for (const value of second) cell.record(value)
          producer.gives(metric(type, cell.toValue()))
          await reader.flush()
          const expected = [first, second].map((list) => ({
            count: list.length,
            sum: list.reduce((a, b) => a + b, 0),
          }))
          expect(adapter.values('produced')).toMatchObject(expected)
          const counts = (
            adapter.values('produced') as {
              buckets?: { counts: number[] }
              positive?: { bucketCounts: number[] }
              zeroCount?: number
            }[]
          ).map((value) =>
            [...(value.buckets?.counts ?? value.positive!.bucketCounts), value.zeroCount ?? 0].reduce(
              (a, b) => a + b,
              0,
            ),
          )
          expect(counts).toEqual(expected.map(({ count }) => count))
        }),
        { numRuns: 50 },
      )
    },
  )
})

test('explicit histograms with other boundaries are another stream', async () => {
  const { producer, adapter, reader } = pipeline()
  const temporality = AggregationTemporality.DELTA
  for (const boundaries of [[1], [1, 10], [1]]) {
    const cell = new OneCell({ type: DataPointType.HISTOGRAM, boundaries })
    cell.record(5)
    producer.gives(metric(DataPointType.HISTOGRAM, cell.toValue(), { temporality }))
    await reader.collect()
  }
  producer.gives()
  await reader.flush()
  expect(adapter.values('produced')).toMatchObject([
    { buckets: { boundaries: [1], counts: [0, 2] } },
    { buckets: { boundaries: [1, 10], counts: [0, 1, 0] } },
  ])
})

describe('the data of the SDK is not lost with a producer that', () => {
  test.each([
    ['rejects', () => Promise.reject(new Error('no access'))],
    [
      'throws',
      () => {
        throw new Error('no access')
      },
    ],
  ])('%s', async (_how, next) => {
    const { producer, adapter, reader, counter } = pipeline()
    producer.next = next
    counter.add(2)
    await reader.flush()
    expect(adapter.values('counter')).toEqual([2])
    expect(reader.stats().collectErrors).toBe(1)
    expect(log).toEqual([
      'error sluice: 1 error(s) while collecting from metricProducers[0]; what was collected besides is kept no access',
    ])
  })

  test('hangs, and the producer is not asked again while it does', async () => {
    const { producer, adapter, reader, counter } = pipeline()
    let calls = 0
    producer.next = () => {
      calls++
      return new Promise(() => {})
    }
    for (let turn = 1; turn <= 3; turn++) {
      counter.add(turn)
      await reader.flush()
    }
    expect(adapter.values('counter')).toEqual([1, 2, 3])
    expect(calls).toBe(1)
    expect(reader.stats().lateCollections).toBe(3)
  })

  test('is late, whose data counts once, in a later turn', async () => {
    const { producer, adapter, reader, counter } = pipeline()
    let answer: (metrics: MetricData[]) => void = () => {}
    producer.next = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    counter.add(1)
    await reader.flush()
    producer.gives()
    answer([metric(DataPointType.SUM, 9, { temporality: AggregationTemporality.DELTA })])
    await reader.flush()
    await reader.flush()
    expect(adapter.values('produced')).toEqual([9])
  })

  test('gives a metric that cannot be read, and neither are its other metrics', async () => {
    const { producer, adapter, reader, counter } = pipeline()
    const broken = { ...metric(DataPointType.HISTOGRAM, 5), descriptor: { name: 'broken' } } as MetricData
    producer.gives(broken, metric(DataPointType.SUM, 1))
    counter.add(2)
    await reader.flush()
    expect(adapter.values('counter')).toEqual([2])
    expect(adapter.values('produced')).toEqual([1])
    expect(log[0]).toMatch(/^error sluice: the metric broken could not be read and is dropped/)
  })
})

test('collect() by hand returns the producers as well, with what went wrong among its errors', async () => {
  const { producer, reader, counter } = pipeline()
  counter.add(1)
  producer.gives(metric(DataPointType.SUM, 5))
  const result = await reader.collect()
  expect(result.resourceMetrics.scopeMetrics.map(({ scope }) => scope.name)).toEqual(['test', 'producer'])
  producer.next = () => Promise.reject(new Error('no access'))
  const failed = await reader.collect()
  expect(failed.errors.map(String)).toEqual([expect.stringMatching(/metricProducers\[0\] failed, or did not collect/)])
})
