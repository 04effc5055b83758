import type { ReceiverReport, Tally } from '@otel-sluice/example-otlp-receiver'
import { expect, test } from 'vitest'
import { newOwnCount } from '../src/measured.ts'
import { isExact, standingOf } from '../src/standing.ts'
import { tableOf } from '../src/table.ts'

const NOTHING: Tally = {
  total: 0,
  totalSum: 0,
  points: 0,
  resentPoints: 0,
  resentTotal: 0,
  doubledPoints: 0,
  doubledTotal: 0,
}

/** A shop that took ten orders worth 1000 together. */
const counted = {
  ...newOwnCount(),
  'shop.orders': { measurements: 10, sum: 10 },
  'shop.order.value': { measurements: 10, sum: 1_000 },
}

function received(orders: Partial<Tally>, value: Partial<Tally>): ReceiverReport {
  return {
    name: 'any',
    url: 'http://127.0.0.1:1/v1/metrics',
    port: 1,
    fault: 'none',
    requests: 1,
    metricNames: [],
    tallies: { 'shop.orders': { ...NOTHING, ...orders }, 'shop.order.value': { ...NOTHING, ...value } },
  }
}

const all = received({ total: 10, totalSum: 10 }, { total: 10, totalSum: 1_000 })

test('when everything arrived once, nothing is held or lost and the result is exact', () => {
  const standing = standingOf(counted, all, false)
  expect(standing).toMatchObject({ recorded: 20, delivered: 20, held: 0, lost: 0, resent: 0, doubled: 0 })
  expect(isExact(standing)).toBe(true)
})

test('what is missing is held while the pipeline may still deliver it, and lost after that', () => {
  const some = received({ total: 7, totalSum: 7 }, { total: 7, totalSum: 700 })
  expect(standingOf(counted, some, true)).toMatchObject({ delivered: 14, held: 6, lost: 0 })
  expect(standingOf(counted, some, false)).toMatchObject({ delivered: 14, held: 0, lost: 6 })
  expect(isExact(standingOf(counted, some, true))).toBe(false)
  expect(isExact(standingOf(counted, some, false))).toBe(false)
})

test('what was resent identically does not spoil the result', () => {
  const resent = received(
    { total: 10, totalSum: 10, resentPoints: 2, resentTotal: 4 },
    all.tallies['shop.order.value']!,
  )
  const standing = standingOf(counted, resent, false)
  expect(standing).toMatchObject({ delivered: 20, resent: 4 })
  expect(isExact(standing)).toBe(true)
})

test('what is counted twice cannot make up for what is missing', () => {
  const orders = { total: 10, totalSum: 10, doubledPoints: 1, doubledTotal: 3 }
  const standing = standingOf(counted, received(orders, all.tallies['shop.order.value']!), false)
  expect(standing).toMatchObject({ delivered: 17, lost: 3, doubled: 3 })
  expect(isExact(standing)).toBe(false)
})

test('the right number of measurements with the wrong values is not exact', () => {
  const standing = standingOf(counted, received({ total: 10, totalSum: 10 }, { total: 10, totalSum: 999 }), false)
  expect(isExact(standing)).toBe(false)
})

test('the table has a row for each pipeline and columns that line up', () => {
  const standing = standingOf(counted, all, false)
  const lines = tableOf({ Sluice: standing, 'another one': { ...standing, delivered: 1_234_567 } })
  expect(lines).toHaveLength(4)
  expect(new Set(lines.map((line) => line.length)).size).toBe(1)
  expect(lines[3]).toContain('1,234,567')
})
