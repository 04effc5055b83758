import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { type FAULTS, type Outcome, runCase, type TEMPORALITIES, type Way } from './support/fault-matrix.ts'
import { TIMEOUT } from './support/pipeline.ts'

/**
 * Every fault of an exporter, in every temporality, whoever asks for the delivery, with what has to come of it to the unit:
 * [delivered, held, lost, outcome unknown] under the fault and after it. docs/delivery.md is this table in words.
 *
 * Delta: two points, one a recording. Cumulative: a point for each capture, of which only the last is ever held, and one
 * more in every interval; after a shutdown nothing moves. Mixed: a delta counter and a cumulative UpDownCounter, which is
 * sent after it.
 */
const CASES: readonly (readonly [keyof typeof FAULTS, keyof typeof TEMPORALITIES, Way, Outcome])[] = [
  ['returns FAILED', 'delta', 'plain', { during: [0, 2, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['returns FAILED', 'cumulative', 'plain', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['returns FAILED', 'mixed', 'plain', { during: [0, 3, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['returns FAILED', 'delta', 'forceFlush', { during: [0, 2, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['returns FAILED', 'cumulative', 'forceFlush', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['returns FAILED', 'mixed', 'forceFlush', { during: [0, 3, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['returns FAILED', 'delta', 'shutdown', { during: [0, 0, 1, 2], after: [0, 0, 1, 2], arrived: 0, calls: 3 }],
  ['returns FAILED', 'cumulative', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 3 }],
  ['returns FAILED', 'mixed', 'shutdown', { during: [0, 0, 2, 2], after: [0, 0, 2, 2], arrived: 0, calls: 3 }],
  ['is refused', 'delta', 'plain', { during: [0, 2, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 4 }],
  ['is refused', 'cumulative', 'plain', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['is refused', 'mixed', 'plain', { during: [0, 3, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 5 }],
  ['is refused', 'delta', 'forceFlush', { during: [0, 2, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 4 }],
  ['is refused', 'cumulative', 'forceFlush', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['is refused', 'mixed', 'forceFlush', { during: [0, 3, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 5 }],
  ['is refused', 'delta', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 3 }],
  ['is refused', 'cumulative', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 3 }],
  ['is refused', 'mixed', 'shutdown', { during: [0, 0, 2, 0], after: [0, 0, 2, 0], arrived: 0, calls: 3 }],
  ['is rejected for good', 'delta', 'plain', { during: [0, 0, 2, 0], after: [0, 0, 2, 0], arrived: 0, calls: 2 }],
  ['is rejected for good', 'cumulative', 'plain', { during: [0, 0, 2, 0], after: [1, 0, 2, 0], arrived: 3, calls: 3 }],
  ['is rejected for good', 'mixed', 'plain', { during: [0, 0, 4, 0], after: [1, 0, 4, 0], arrived: 0, calls: 5 }],
  ['is rejected for good', 'delta', 'forceFlush', { during: [0, 0, 2, 0], after: [0, 0, 2, 0], arrived: 0, calls: 2 }],
  [
    'is rejected for good',
    'cumulative',
    'forceFlush',
    { during: [0, 0, 2, 0], after: [1, 0, 2, 0], arrived: 3, calls: 3 },
  ],
  ['is rejected for good', 'mixed', 'forceFlush', { during: [0, 0, 4, 0], after: [1, 0, 4, 0], arrived: 0, calls: 5 }],
  ['is rejected for good', 'delta', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 1 }],
  [
    'is rejected for good',
    'cumulative',
    'shutdown',
    { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 1 },
  ],
  ['is rejected for good', 'mixed', 'shutdown', { during: [0, 0, 2, 0], after: [0, 0, 2, 0], arrived: 0, calls: 2 }],
  ['throws', 'delta', 'plain', { during: [0, 2, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['throws', 'cumulative', 'plain', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['throws', 'mixed', 'plain', { during: [0, 3, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['throws', 'delta', 'forceFlush', { during: [0, 2, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['throws', 'cumulative', 'forceFlush', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['throws', 'mixed', 'forceFlush', { during: [0, 3, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['throws', 'delta', 'shutdown', { during: [0, 0, 1, 2], after: [0, 0, 1, 2], arrived: 0, calls: 3 }],
  ['throws', 'cumulative', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 3 }],
  ['throws', 'mixed', 'shutdown', { during: [0, 0, 2, 2], after: [0, 0, 2, 2], arrived: 0, calls: 3 }],
  ['rejects', 'delta', 'plain', { during: [0, 2, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['rejects', 'cumulative', 'plain', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['rejects', 'mixed', 'plain', { during: [0, 3, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['rejects', 'delta', 'forceFlush', { during: [0, 2, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['rejects', 'cumulative', 'forceFlush', { during: [0, 1, 0, 0], after: [1, 0, 0, 0], arrived: 3, calls: 3 }],
  ['rejects', 'mixed', 'forceFlush', { during: [0, 3, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['rejects', 'delta', 'shutdown', { during: [0, 0, 1, 2], after: [0, 0, 1, 2], arrived: 0, calls: 3 }],
  ['rejects', 'cumulative', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 3 }],
  ['rejects', 'mixed', 'shutdown', { during: [0, 0, 2, 2], after: [0, 0, 2, 2], arrived: 0, calls: 3 }],
  ['never calls back', 'delta', 'plain', { during: [0, 2, 0, 0], after: [2, 0, 0, 1], arrived: 3, calls: 3 }],
  ['never calls back', 'cumulative', 'plain', { during: [0, 1, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 4 }],
  ['never calls back', 'mixed', 'plain', { during: [0, 3, 0, 0], after: [5, 0, 0, 1], arrived: 3, calls: 6 }],
  ['never calls back', 'delta', 'forceFlush', { during: [0, 2, 0, 0], after: [2, 0, 0, 1], arrived: 3, calls: 3 }],
  ['never calls back', 'cumulative', 'forceFlush', { during: [0, 1, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 3 }],
  ['never calls back', 'mixed', 'forceFlush', { during: [0, 3, 0, 0], after: [4, 0, 0, 1], arrived: 3, calls: 5 }],
  ['never calls back', 'delta', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 1 }],
  ['never calls back', 'cumulative', 'shutdown', { during: [0, 0, 1, 0], after: [0, 0, 1, 0], arrived: 0, calls: 1 }],
  ['never calls back', 'mixed', 'shutdown', { during: [0, 0, 2, 0], after: [0, 0, 2, 0], arrived: 0, calls: 1 }],
  ['succeeds late', 'delta', 'plain', { during: [1, 1, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 2 }],
  ['succeeds late', 'cumulative', 'plain', { during: [1, 1, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['succeeds late', 'mixed', 'plain', { during: [1, 2, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['succeeds late', 'delta', 'forceFlush', { during: [0, 2, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 2 }],
  ['succeeds late', 'cumulative', 'forceFlush', { during: [0, 1, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['succeeds late', 'mixed', 'forceFlush', { during: [0, 3, 0, 0], after: [4, 0, 0, 0], arrived: 3, calls: 4 }],
  ['succeeds late', 'delta', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 1 }],
  ['succeeds late', 'cumulative', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 1 }],
  ['succeeds late', 'mixed', 'shutdown', { during: [2, 0, 0, 0], after: [2, 0, 0, 0], arrived: 1, calls: 2 }],
  ['answers twice', 'delta', 'plain', { during: [2, 0, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 2 }],
  ['answers twice', 'cumulative', 'plain', { during: [2, 0, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['answers twice', 'mixed', 'plain', { during: [4, 0, 0, 0], after: [5, 0, 0, 0], arrived: 3, calls: 5 }],
  ['answers twice', 'delta', 'forceFlush', { during: [2, 0, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 2 }],
  ['answers twice', 'cumulative', 'forceFlush', { during: [2, 0, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['answers twice', 'mixed', 'forceFlush', { during: [4, 0, 0, 0], after: [5, 0, 0, 0], arrived: 3, calls: 5 }],
  ['answers twice', 'delta', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 1 }],
  ['answers twice', 'cumulative', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 1 }],
  ['answers twice', 'mixed', 'shutdown', { during: [2, 0, 0, 0], after: [2, 0, 0, 0], arrived: 1, calls: 2 }],
  ['is slow', 'delta', 'plain', { during: [1, 1, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 2 }],
  ['is slow', 'cumulative', 'plain', { during: [1, 1, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['is slow', 'mixed', 'plain', { during: [2, 2, 0, 0], after: [5, 0, 0, 0], arrived: 3, calls: 5 }],
  ['is slow', 'delta', 'forceFlush', { during: [1, 1, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 2 }],
  ['is slow', 'cumulative', 'forceFlush', { during: [1, 1, 0, 0], after: [3, 0, 0, 0], arrived: 3, calls: 3 }],
  ['is slow', 'mixed', 'forceFlush', { during: [1, 2, 0, 0], after: [5, 0, 0, 0], arrived: 3, calls: 5 }],
  ['is slow', 'delta', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 1 }],
  ['is slow', 'cumulative', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 1 }],
  ['is slow', 'mixed', 'shutdown', { during: [2, 0, 0, 0], after: [2, 0, 0, 0], arrived: 1, calls: 2 }],
  ['flaps', 'delta', 'plain', { during: [1, 1, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['flaps', 'cumulative', 'plain', { during: [1, 0, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 3 }],
  ['flaps', 'mixed', 'plain', { during: [1, 2, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['flaps', 'delta', 'forceFlush', { during: [1, 1, 0, 1], after: [2, 0, 0, 2], arrived: 3, calls: 4 }],
  ['flaps', 'cumulative', 'forceFlush', { during: [1, 0, 0, 0], after: [2, 0, 0, 0], arrived: 3, calls: 3 }],
  ['flaps', 'mixed', 'forceFlush', { during: [1, 2, 0, 1], after: [3, 0, 0, 2], arrived: 3, calls: 5 }],
  ['flaps', 'delta', 'shutdown', { during: [1, 0, 0, 1], after: [1, 0, 0, 1], arrived: 1, calls: 2 }],
  ['flaps', 'cumulative', 'shutdown', { during: [1, 0, 0, 0], after: [1, 0, 0, 0], arrived: 1, calls: 2 }],
  ['flaps', 'mixed', 'shutdown', { during: [2, 0, 0, 1], after: [2, 0, 0, 1], arrived: 1, calls: 4 }],
]

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test.each(CASES)('an exporter that %s, %s, %s', async (fault, temporality, way, expected) => {
  const { outcome, exporter, stats, settled } = await runCase(fault, temporality, way)
  expect(outcome).toEqual(expected)

  expect(exporter.receiver.violations).toEqual([])
  expect(exporter.youngestBeside).toBeGreaterThanOrEqual(10 * TIMEOUT)
  const { deliveredPoints, pendingPoints, mergedPoints, supersededPoints, lostPoints } = stats
  const lost = lostPoints.rejected + lostPoints.shutdown
  expect(deliveredPoints + pendingPoints + mergedPoints + supersededPoints + lost).toBe(stats.offeredPoints)

  // Whoever asked last is told the numbers exactly when something is undelivered.
  if (way !== 'plain') {
    const [, held, lostByThen] = expected.during
    expect(settled.at(-1)).toMatchObject(
      held + lostByThen === 0
        ? { status: 'fulfilled' }
        : { reason: { message: expect.stringMatching(/(left undelivered:|lost|failed:) [1-4] points /) } },
    )
  }
  expect(exporter.shutdowns).toBe(way === 'shutdown' ? 1 : 0)
  expect(log.filter((line) => line.includes('answered more than once'))).toHaveLength(fault === 'answers twice' ? 1 : 0)
})
