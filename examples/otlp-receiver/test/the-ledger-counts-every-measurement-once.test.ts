import { expect, test } from 'vitest'
import { Ledger, type NumberPoint, type PlainAttributes, type ReceivedMetric } from '../src/index.ts'

const ORIGIN = {
  resource: {},
  scope: { name: 'meter', version: '', attributes: {} },
  unit: '',
  description: '',
}

function point(start: number, end: number, value: number, attributes: PlainAttributes = {}): NumberPoint {
  return { attributes, startUnixNanos: BigInt(start), endUnixNanos: BigInt(end), value }
}

function counter(temporality: 'delta' | 'cumulative', ...points: NumberPoint[]): ReceivedMetric {
  return { ...ORIGIN, name: 'orders', kind: 'sum', temporality, isMonotonic: true, points }
}

function histogram(count: number, sum: number, bucketCounts: number[]): ReceivedMetric {
  const values = { count, sum, bucketCounts, explicitBounds: [10] }
  const points = [{ attributes: {}, startUnixNanos: 1n, endUnixNanos: 2n, ...values }]
  return { ...ORIGIN, name: 'duration', kind: 'histogram', temporality: 'delta', points }
}

function ledgerOf(...metrics: ReceivedMetric[]): Ledger {
  const ledger = new Ledger()
  // Each metric in a batch of its own, as they would come one after the other.
  for (const metric of metrics) ledger.take([metric])
  return ledger
}

test('delta points of neighbouring windows add up', () => {
  const ledger = ledgerOf(counter('delta', point(0, 10, 3)), counter('delta', point(10, 20, 4)))
  expect(ledger.tally('orders')).toMatchObject({ total: 7, points: 2, resentPoints: 0, doubledPoints: 0 })
})

test('an identical delta point does not count again', () => {
  const ledger = ledgerOf(counter('delta', point(0, 10, 3)), counter('delta', point(0, 10, 3)))
  expect(ledger.tally('orders')).toMatchObject({ total: 3, resentPoints: 1, resentTotal: 3, doubledPoints: 0 })
  expect(ledger.resentIdentical).toBe(1)
})

test('an identical delta point is recognised after others have come, and whatever the order of its attributes', () => {
  const ledger = ledgerOf(
    counter('delta', point(0, 10, 3, { a: 1, b: 'x' })),
    counter('delta', point(10, 20, 4, { a: 1, b: 'x' })),
    counter('delta', point(0, 10, 3, { b: 'x', a: 1 })),
  )
  expect(ledger.tally('orders')).toMatchObject({ total: 7, resentPoints: 1, doubledPoints: 0 })
})

test('a delta point with the same window and another value is doubled, and shows in the total', () => {
  const ledger = ledgerOf(counter('delta', point(0, 10, 3)), counter('delta', point(0, 10, 5)))
  expect(ledger.tally('orders')).toMatchObject({ total: 8, resentPoints: 0, doubledPoints: 1, doubledTotal: 5 })
})

test('a delta point whose window overlaps another is doubled, and shows in the total', () => {
  const ledger = ledgerOf(counter('delta', point(0, 10, 3)), counter('delta', point(5, 15, 4)))
  expect(ledger.tally('orders')).toMatchObject({ total: 7, doubledPoints: 1, doubledTotal: 4 })
  expect(ledger.doubled).toBe(1)
})

test('a window that has no length, as the SDK makes them for new series, overlaps nothing', () => {
  const ledger = ledgerOf(
    counter('delta', point(11, 10, 1)),
    counter('delta', point(10, 20, 4)),
    counter('delta', point(20, 20, 2)),
    counter('delta', point(20, 30, 5)),
  )
  expect(ledger.tally('orders')).toMatchObject({ total: 12, doubledPoints: 0 })
})

test('series with other attributes have windows of their own, and 1 is not "1"', () => {
  const ledger = ledgerOf(counter('delta', point(0, 10, 3, { id: 1 }), point(0, 10, 4, { id: '1' })))
  expect(ledger.tally('orders')).toMatchObject({ total: 7, doubledPoints: 0 })
  expect(ledger.total('orders', { id: 1 })).toBe(3)
  expect(ledger.total('orders', { id: '1' })).toBe(4)
  expect(ledger.total('orders', { id: 2 })).toBe(0)
})

test('histograms count by their counts and add up their sums', () => {
  const ledger = ledgerOf(histogram(3, 25, [2, 1]))
  expect(ledger.total('duration')).toBe(3)
  expect(ledger.totalSum('duration')).toBe(25)
})

test('a histogram that is resent with one bucket changed is doubled', () => {
  const ledger = ledgerOf(histogram(3, 25, [2, 1]), histogram(3, 25, [1, 2]))
  expect(ledger.tally('duration')).toMatchObject({ resentPoints: 0, doubledPoints: 1 })
})

test('of cumulative points the latest counts, in whatever order they come', () => {
  const ledger = ledgerOf(
    counter('cumulative', point(0, 10, 3)),
    counter('cumulative', point(0, 30, 9)),
    counter('cumulative', point(0, 20, 7)),
    counter('cumulative', point(0, 30, 9)),
  )
  expect(ledger.tally('orders')).toMatchObject({ total: 9, resentPoints: 1, doubledPoints: 0 })
})

test('a cumulative counter with a new start adds to what it had before', () => {
  const ledger = ledgerOf(counter('cumulative', point(0, 10, 3)), counter('cumulative', point(10, 20, 2)))
  expect(ledger.tally('orders')).toMatchObject({ total: 5, doubledPoints: 0 })
})

test('a cumulative counter that falls without a new start is doubled', () => {
  const ledger = ledgerOf(counter('cumulative', point(0, 10, 3)), counter('cumulative', point(0, 20, 2)))
  expect(ledger.doubled).toBe(1)
})

test('gauges have no totals', () => {
  const ledger = ledgerOf({ ...ORIGIN, name: 'temperature', kind: 'gauge', points: [point(0, 10, 21)] })
  expect(ledger.metricNames).toEqual([])
  expect(ledger.total('temperature')).toBe(0)
})
