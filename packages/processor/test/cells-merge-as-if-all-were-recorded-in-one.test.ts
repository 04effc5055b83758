import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StreamAggregation } from '../src/aggregation/cells.ts'
import { ExponentialHistogramCell } from '../src/aggregation/exponential-histogram.ts'
import { bucketIndex } from '../src/aggregation/exponential-index.ts'
import { OneCell } from './support/one-cell.ts'

const SUM: StreamAggregation = { type: DataPointType.SUM, isMonotonic: false }
const GAUGE: StreamAggregation = { type: DataPointType.GAUGE }
const EXPLICIT: StreamAggregation = { type: DataPointType.HISTOGRAM, boundaries: [-10, 0, 1, 10, 100] }
const EXPONENTIAL: StreamAggregation = { type: DataPointType.EXPONENTIAL_HISTOGRAM }

// Whole numbers add exactly in any order; how floats round is not the law that is tested here.
const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 30 })

function recorded(aggregation: StreamAggregation, ...lists: number[][]): OneCell {
  const cell = new OneCell(aggregation)
  for (const list of lists) for (const value of list) cell.record(value)
  return cell
}

function merged(...cells: OneCell[]): OneCell {
  const [first, ...others] = cells
  const into = first!.clone()
  for (const other of others) into.merge(other)
  return into
}

describe.each([
  ['sum', SUM],
  ['explicit histogram', EXPLICIT],
  ['exponential histogram', EXPONENTIAL],
])('a %s cell', (_name, aggregation) => {
  test('merged from two equals one that recorded both', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const both = merged(recorded(aggregation, a), recorded(aggregation, b)).toValue()
        expect(both).toEqual(recorded(aggregation, a, b).toValue())
      }),
    )
  })

  test('merges in any order and grouping to the same', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const [x, y, z] = [recorded(aggregation, a), recorded(aggregation, b), recorded(aggregation, c)] as const
        const left = merged(merged(x, y), z).toValue()
        expect(merged(x, merged(y, z)).toValue()).toEqual(left)
        expect(merged(z, y, x).toValue()).toEqual(left)
      }),
    )
  })

  test('added from a data point equals merged from a cell', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const cell = recorded(aggregation, a)
        cell.cells.add(cell, recorded(aggregation, b).toValue())
        expect(cell.toValue()).toEqual(recorded(aggregation, a, b).toValue())
      }),
    )
  })
})

describe.each([
  ['sum', SUM],
  ['gauge', GAUGE],
  ['explicit histogram', EXPLICIT],
  ['exponential histogram', EXPONENTIAL],
])('a %s cell', (_name, aggregation) => {
  test('is as new after a reset', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const cell = recorded(aggregation, a)
        cell.cells.reset(cell)
        for (const value of b) cell.record(value)
        expect(cell.toValue()).toEqual(recorded(aggregation, b).toValue())
        if (b.length === 0) return
        const other = recorded(aggregation, a)
        other.cells.reset(other)
        other.merge(recorded(aggregation, b))
        expect(other.toValue()).toEqual(recorded(aggregation, b).toValue())
      }),
    )
  })

  test('gives away copies: what was taken out does not change with it', () => {
    const cell = recorded(aggregation, [1, 2])
    const [taken, clone] = [cell.toValue(), cell.clone()]
    const before = JSON.stringify([taken, clone.toValue()])
    cell.record(7)
    expect(JSON.stringify([taken, clone.toValue()])).toBe(before)
  })
})

test('a gauge keeps what was merged last', () => {
  expect(merged(recorded(GAUGE, [3]), recorded(GAUGE, [1])).toValue()).toBe(1)
})

describe('an explicit histogram', () => {
  test('puts every value in the bucket whose upper boundary includes it, and its count is the sum of its buckets', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        const boundaries = [-10, 0, 1, 10, 100]
        const { buckets, count, min, max } = recorded(EXPLICIT, [value]).toValue() as Histogram
        const bucket = buckets.counts.indexOf(1)
        expect(value).toBeLessThanOrEqual(boundaries[bucket] ?? Number.POSITIVE_INFINITY)
        if (bucket > 0) expect(value).toBeGreaterThan(boundaries[bucket - 1]!)
        expect([count, min, max]).toEqual([1, value, value])
      }),
    )
  })

  test('has no sum once a point without one was added, as instruments with negative values have none', () => {
    const cell = new OneCell({ type: DataPointType.HISTOGRAM, boundaries: [1] })
    cell.cells.add(cell, { buckets: { boundaries: [1], counts: [1, 0] }, count: 1 })
    cell.cells.add(cell, { buckets: { boundaries: [1], counts: [0, 2] }, count: 2, sum: 5 })
    expect(cell.toValue()).toEqual({ buckets: { boundaries: [1], counts: [1, 2] }, count: 3 })
  })

  test('may have a count and nothing else', () => {
    const cell = new OneCell({ type: DataPointType.HISTOGRAM, boundaries: [] })
    cell.cells.add(cell, { buckets: { boundaries: [], counts: [] }, count: 3 })
    expect(cell.toValue()).toEqual({ buckets: { boundaries: [], counts: [3] }, count: 3 })
  })
})

describe('an exponential histogram', () => {
  const magnitude = fc.double({ min: 1e-300, max: 1e300, noNaN: true })

  test('puts every value between the bounds of its bucket, at every scale', () => {
    fc.assert(
      fc.property(magnitude, fc.integer({ min: -10, max: 20 }), (value, scale) => {
        const index = bucketIndex(value, scale)
        // log2 of the bounds is exact arithmetic; log2(value) is not, hence the rounding of one part in 2^40.
        const position = Math.log2(value) * 2 ** scale
        const slack = Math.abs(position) * 2 ** -40 + 2 ** -20
        expect(position).toBeGreaterThan(index - slack)
        expect(position).toBeLessThanOrEqual(index + 1 + slack)
      }),
      { numRuns: 5_000 },
    )
  })

  test('puts a power of two in the bucket that ends there, exactly', () => {
    for (const scale of [-10, -1, 0, 1, 7, 20]) {
      for (const exponent of [-1022, -3, 0, 1, 52, 1023]) {
        expect(bucketIndex(2 ** exponent, scale)).toBe(Math.ceil(exponent * 2 ** scale) - 1)
      }
    }
  })

  test('never holds more buckets of a sign than its maximum size, and loses no count to a change of scale', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            magnitude,
            magnitude.map((m) => -m),
            fc.constant(0),
          ),
          { maxLength: 50 },
        ),
        (list) => {
          const value = recorded(EXPONENTIAL, list).toValue() as ExponentialHistogram
          const counted = [...value.positive.bucketCounts, ...value.negative.bucketCounts].reduce((a, b) => a + b, 0)
          expect(value.positive.bucketCounts.length).toBeLessThanOrEqual(160)
          expect(value.negative.bucketCounts.length).toBeLessThanOrEqual(160)
          expect(counted + value.zeroCount).toBe(list.length)
          expect(value.count).toBe(list.length)
        },
      ),
    )
  })

  test('takes the scale of whatever has buckets: that of an empty one means nothing', () => {
    const coarse = recorded(EXPONENTIAL, [1e-9, 1e9])
    const zeros = recorded(EXPONENTIAL, [0, 0])
    const scaleOf = (cell: OneCell) => (cell.toValue() as ExponentialHistogram).scale
    expect(scaleOf(merged(zeros, coarse))).toBe(scaleOf(coarse))
    expect(scaleOf(merged(coarse, zeros))).toBe(scaleOf(coarse))
    expect(scaleOf(merged(recorded(EXPONENTIAL, []), recorded(EXPONENTIAL, [1.5])))).toBe(20)
    expect(scaleOf(zeros)).toBe(0)
  })

  test('keeps the resolution of a larger histogram than its default maximum size', () => {
    const cell = new ExponentialHistogramCell()
    const bucketCounts = new Array(320).fill(1)
    cell.add({
      count: 320,
      scale: 3,
      zeroCount: 0,
      positive: { offset: -10, bucketCounts },
      negative: { offset: 0, bucketCounts: [] },
    })
    expect(cell.toValue().scale).toBe(3)
    expect(cell.toValue().positive).toEqual({ offset: -10, bucketCounts })
  })
})
