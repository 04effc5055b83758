import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExponentialHistogramCell } from '../src/aggregation/exponential-histogram.ts'
import { bucketIndex, MAX_SCALE } from '../src/aggregation/exponential-index.ts'
import { expectWithin, magnitude } from './support/exponential-values.ts'

const finite = fc.oneof(
  { weight: 4, arbitrary: magnitude },
  { weight: 2, arbitrary: magnitude.map((value) => -value) },
  fc.constantFrom(0, -0),
)
const values = fc.array(finite, { maxLength: 60 })
const maxSize = fc.oneof(fc.constant(160), fc.integer({ min: 2, max: 40 }))

function recorded(list: readonly number[], size?: number, recordMinMax?: boolean): ExponentialHistogramCell {
  const cell = new ExponentialHistogramCell(size, recordMinMax)
  for (const value of list) cell.record(value)
  return cell
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/** All but the sum, which depends on the order in which floats are added. */
function withoutSum(cell: ExponentialHistogramCell): ExponentialHistogram {
  const { sum: _sum, ...value } = cell.toValue()
  return value
}

describe('a recorded histogram', () => {
  test('counts as many as its buckets and its zeros together, as many as were recorded of each sign', () => {
    fc.assert(
      fc.property(values, maxSize, (list, size) => {
        const value = recorded(list, size).toValue()
        expect(value.count).toBe(list.length)
        expect(value.zeroCount).toBe(list.filter((v) => v === 0).length)
        expect(total(value.positive.bucketCounts)).toBe(list.filter((v) => v > 0).length)
        expect(total(value.negative.bucketCounts)).toBe(list.filter((v) => v < 0).length)
      }),
    )
  })

  test('counts every value in the bucket its index says, and only there', () => {
    fc.assert(
      fc.property(values, maxSize, (list, size) => {
        const value = recorded(list, size).toValue()
        for (const [sign, buckets] of [
          [1, value.positive],
          [-1, value.negative],
        ] as const) {
          const expected = new Map<number, number>()
          for (const v of list) {
            if (v * sign <= 0) continue
            const index = bucketIndex(v * sign, value.scale)
            expectWithin(v * sign, index, value.scale)
            expected.set(index, (expected.get(index) ?? 0) + 1)
          }
          const held = buckets.bucketCounts.map((count, i) => [buckets.offset + i, count] as const)
          expect(new Map(held.filter(([, count]) => count > 0))).toEqual(
            new Map([...expected].sort(([a], [b]) => a - b)),
          )
        }
      }),
    )
  })

  test('has a bucket run that begins and ends with what was recorded and is never longer than its maximum size', () => {
    fc.assert(
      fc.property(values, maxSize, (list, size) => {
        const { positive, negative } = recorded(list, size).toValue()
        for (const { bucketCounts } of [positive, negative]) {
          expect(bucketCounts.length).toBeLessThanOrEqual(size)
          if (bucketCounts.length === 0) continue
          expect(bucketCounts[0]).toBeGreaterThan(0)
          expect(bucketCounts.at(-1)).toBeGreaterThan(0)
        }
      }),
    )
  })

  test('is as fine as its maximum size allows', () => {
    fc.assert(
      fc.property(values, maxSize, (list, size) => {
        const value = recorded(list, size).toValue()
        fc.pre(value.count > value.zeroCount && value.scale < MAX_SCALE)
        const lengths = [1, -1].map((sign) => {
          const finer = list.filter((v) => v * sign > 0).map((v) => bucketIndex(v * sign, value.scale + 1))
          return Math.max(...finer) - Math.min(...finer) + 1
        })
        expect(Math.max(...lengths)).toBeGreaterThan(size)
      }),
    )
  })

  test('knows its smallest and its largest value and its sum', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1 }), (list) => {
        const { min, max, sum } = recorded(list).toValue()
        // Adding 0 makes -0 and 0 one: which of the two comes out does not matter.
        expect(min! + 0).toBe(Math.min(...list) + 0)
        expect(max! + 0).toBe(Math.max(...list) + 0)
        expect(sum).toBe(list.reduce((a, b) => a + b, 0))
      }),
    )
  })
})

describe('merging', () => {
  test('gives what recording both would have given', () => {
    fc.assert(
      fc.property(values, values, maxSize, (a, b, size) => {
        const cell = recorded(a, size)
        cell.merge(recorded(b, size))
        expect(withoutSum(cell)).toEqual(withoutSum(recorded([...a, ...b], size)))
      }),
    )
  })

  test('of a data point gives the same and leaves the point as it was', () => {
    fc.assert(
      fc.property(values, values, maxSize, (a, b, size) => {
        const point = recorded(b, size).toValue()
        const before = structuredClone(point)
        const cell = recorded(a, size)
        cell.add(point)
        expect(withoutSum(cell)).toEqual(withoutSum(recorded([...a, ...b], size)))
        for (const value of b) cell.record(value)
        expect(point).toEqual(before)
      }),
    )
  })

  test('shares nothing: what is recorded later into one does not show in the other', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const from = recorded(a)
        const merged = new ExponentialHistogramCell()
        merged.merge(from)
        const clone = from.clone()
        for (const value of b) merged.record(value)
        expect(from.toValue()).toEqual(recorded(a).toValue())
        expect(clone.toValue()).toEqual(recorded(a).toValue())
        for (const value of b) clone.record(value)
        expect(clone.toValue()).toEqual(recorded([...a, ...b]).toValue())
      }),
    )
  })

  test('with a point finer than any value is recorded at comes down to the finest scale with the next value', () => {
    const cell = new ExponentialHistogramCell()
    cell.add({
      count: 2,
      scale: MAX_SCALE + 2,
      zeroCount: 0,
      positive: { offset: 4, bucketCounts: [1, 0, 0, 0, 1] },
      negative: { offset: 0, bucketCounts: [] },
    })
    expect(cell.toValue().scale).toBe(MAX_SCALE + 2)
    cell.record(2 ** (3 * 2 ** -MAX_SCALE))
    expect(cell.toValue().scale).toBe(MAX_SCALE)
    expect(cell.toValue().positive).toEqual({ offset: 1, bucketCounts: [1, 2] })
  })
})

describe('a histogram that was reset', () => {
  test('equals a new one, whatever it held before', () => {
    fc.assert(
      fc.property(values, values, maxSize, (before, after, size) => {
        const fresh = recorded(after, size)
        const again = recorded(before, size)
        again.reset()
        for (const value of after) again.record(value)
        expect(again.toValue()).toEqual(fresh.toValue())
        for (const fill of ['add', 'merge'] as const) {
          const filled = recorded(before, size)
          filled.reset()
          if (fill === 'add') filled.add(fresh.toValue())
          else filled.merge(fresh)
          expect(withoutSum(filled)).toEqual(withoutSum(fresh))
        }
      }),
    )
  })

  test('keeps its storage for the same values again, which is no longer than its maximum size', () => {
    fc.assert(
      fc.property(values, maxSize, (list, size) => {
        const cell = recorded(list, size)
        const storage = [cell.positive.counts, cell.negative.counts]
        cell.reset()
        for (const value of list) cell.record(value)
        expect(cell.positive.counts).toBe(storage[0])
        expect(cell.negative.counts).toBe(storage[1])
        for (const counts of storage) expect(counts.length).toBeLessThanOrEqual(size)
      }),
    )
  })
})

describe('a histogram that does not record min and max', () => {
  test('is otherwise the same, also cloned, reset, and merged with one that does', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const { min: _min, max: _max, ...expected } = recorded([...a, ...b]).toValue()
        const cell = recorded(a, undefined, false).clone()
        for (const value of b) cell.record(value)
        expect(cell.toValue()).toEqual(expected)
        cell.reset()
        cell.merge(recorded([...a, ...b]))
        expect(cell.toValue()).toEqual(expected)
        cell.reset()
        cell.add(recorded([...a, ...b]).toValue())
        expect(cell.toValue()).toEqual(expected)
      }),
    )
  })
})

test.each([1, 0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY])('a maximum size of %s is refused', (size) => {
  expect(() => new ExponentialHistogramCell(size)).toThrow(
    new RangeError(`maxSize must be an integer of at least 2, got ${size}`),
  )
})
