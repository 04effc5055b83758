import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { runCase } from './support/fault-matrix.ts'
import { CASES } from './support/fault-table.ts'
import { TIMEOUT } from './support/pipeline.ts'

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
  // Others go out beside a call that is over its time-out; what is in it goes again only before the end, or when it is given up.
  if (way !== 'shutdown') expect(exporter.youngestBeside).toBeGreaterThanOrEqual(TIMEOUT)
  expect(exporter.youngestTwin).toBeGreaterThanOrEqual(way === 'shutdown' ? TIMEOUT : 10 * TIMEOUT)
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
