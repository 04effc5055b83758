import { DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamAggregation } from '../src/aggregation/cells.ts'
import { Clock } from '../src/core/clock.ts'
import { Fold } from '../src/series/fold.ts'
import { Generations } from '../src/series/generations.ts'
import { Stream } from '../src/series/stream.ts'

const AGGREGATIONS: readonly StreamAggregation[] = [
  { type: DataPointType.SUM, isMonotonic: true },
  { type: DataPointType.GAUGE },
  { type: DataPointType.HISTOGRAM, boundaries: [1, 10] },
  { type: DataPointType.EXPONENTIAL_HISTOGRAM },
]

const VALUES: Record<DataPointType, (n: number) => unknown> = {
  [DataPointType.SUM]: (n) => n,
  [DataPointType.GAUGE]: (n) => n,
  [DataPointType.HISTOGRAM]: (n) => ({ buckets: { boundaries: [1, 10], counts: [n, 0, 0] }, count: n, sum: n }),
  [DataPointType.EXPONENTIAL_HISTOGRAM]: (n) => ({
    count: n,
    sum: n,
    zeroCount: n,
    scale: 0,
    positive: { offset: 0, bucketCounts: [] },
    negative: { offset: 0, bucketCounts: [] },
  }),
}

function world(aggregation: StreamAggregation) {
  const descriptor = { name: 'm', description: '', unit: '', valueType: 1 }
  const stream = new Stream({ name: 'test' }, descriptor, InstrumentType.COUNTER, aggregation, 100)
  const generations = new Generations(new Clock())
  const fold = new Fold()
  /** Records 1 for each of these series, and absorbs the generation. */
  const absorb = (series: readonly number[]) => {
    for (const n of series) generations.hot.add(stream, { n }, VALUES[aggregation.type](1) as number)
    const frozen = generations.freeze()
    for (const each of frozen.touched) fold.absorb(each, frozen)
    generations.release(frozen)
  }
  return { fold, absorb }
}

const series = fc.uniqueArray(fc.nat(20), { maxLength: 10 })

test.each(AGGREGATIONS.map((aggregation) => [DataPointType[aggregation.type], aggregation] as const))(
  'columns of %s that were released know nothing of what they held',
  (_type, aggregation) => {
    fc.assert(
      fc.property(fc.array(fc.record({ series, release: fc.boolean() }), { maxLength: 8 }), (steps) => {
        const { fold, absorb } = world(aggregation)
        for (const step of steps) {
          absorb(step.series)
          const taken = fold.take()
          const held = taken.flatMap((points) =>
            points.series.map(({ attributes }, i) => [attributes.n, points.valueOf(i)]),
          )
          const one = VALUES[aggregation.type](1)
          expect(held).toEqual(
            step.series.map((n) => [n, typeof one === 'number' ? one : expect.objectContaining({ count: 1, sum: 1 })]),
          )
          if (step.release) for (const points of taken) points.release()
        }
      }),
    )
  },
)

test('releasing twice throws: two would write into the same columns', () => {
  const { fold, absorb } = world(AGGREGATIONS[0]!)
  absorb([1])
  const [points] = fold.take()
  points!.release()
  expect(() => points!.release()).toThrow('release: points of m were released before')
})
