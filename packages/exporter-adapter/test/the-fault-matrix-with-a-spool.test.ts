import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { type Account, type FAULTS, runCase, TEMPORALITIES } from './support/fault-matrix.ts'
import { CASES } from './support/fault-table.ts'
import { INTERVAL, pushPipeline } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, directoryOfThisTest, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

/**
 * The fault matrix with a spool. As long as the process lives it changes nothing: the same numbers. What a shutdown leaves
 * undelivered is not lost, but held on disk; the next process sends it, and counts it as possibly a double.
 */
const AFTER_SHUTDOWN: readonly (readonly [keyof typeof FAULTS, keyof typeof TEMPORALITIES, Expected])[] = [
  ['returns FAILED', 'delta', { during: [0, 1, 0, 3], calls: 4, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['returns FAILED', 'cumulative', { during: [0, 1, 0, 0], calls: 5, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['returns FAILED', 'mixed', { during: [0, 2, 0, 3], calls: 8, next: [2, 0, 0, 2], arrived: [0, 1] }],
  ['is refused', 'delta', { during: [0, 1, 0, 0], calls: 5, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['is refused', 'cumulative', { during: [0, 1, 0, 0], calls: 5, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['is refused', 'mixed', { during: [0, 2, 0, 0], calls: 5, next: [2, 0, 0, 2], arrived: [0, 1] }],
  ['is rejected for good', 'delta', { during: [0, 0, 1, 0], calls: 1, next: [0, 0, 0, 0], arrived: [0, 0] }],
  ['is rejected for good', 'cumulative', { during: [0, 0, 1, 0], calls: 1, next: [0, 0, 0, 0], arrived: [0, 0] }],
  ['is rejected for good', 'mixed', { during: [0, 0, 2, 0], calls: 1, next: [0, 0, 0, 0], arrived: [0, 0] }],
  ['throws', 'delta', { during: [0, 1, 0, 3], calls: 4, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['throws', 'cumulative', { during: [0, 1, 0, 0], calls: 5, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['throws', 'mixed', { during: [0, 2, 0, 3], calls: 8, next: [2, 0, 0, 2], arrived: [0, 1] }],
  ['rejects', 'delta', { during: [0, 1, 0, 3], calls: 4, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['rejects', 'cumulative', { during: [0, 1, 0, 0], calls: 5, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['rejects', 'mixed', { during: [0, 2, 0, 3], calls: 8, next: [2, 0, 0, 2], arrived: [0, 1] }],
  ['never calls back', 'delta', { during: [0, 1, 0, 1], calls: 2, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['never calls back', 'cumulative', { during: [0, 1, 0, 0], calls: 2, next: [1, 0, 0, 1], arrived: [0, 1] }],
  ['never calls back', 'mixed', { during: [0, 2, 0, 1], calls: 3, next: [2, 0, 0, 2], arrived: [0, 1] }],
  ['succeeds late', 'delta', { during: [1, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['succeeds late', 'cumulative', { during: [1, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['succeeds late', 'mixed', { during: [2, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['answers twice', 'delta', { during: [1, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['answers twice', 'cumulative', { during: [1, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['answers twice', 'mixed', { during: [2, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['is slow', 'delta', { during: [1, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['is slow', 'cumulative', { during: [1, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['is slow', 'mixed', { during: [2, 0, 0, 0], calls: 1, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['flaps', 'delta', { during: [1, 0, 0, 1], calls: 2, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['flaps', 'cumulative', { during: [1, 0, 0, 0], calls: 2, next: [0, 0, 0, 0], arrived: [1, 1] }],
  ['flaps', 'mixed', { during: [2, 0, 0, 2], calls: 4, next: [0, 0, 0, 0], arrived: [1, 1] }],
]

interface Expected {
  /** At the end of the process that was shut down under the fault. */
  readonly during: Account
  readonly calls: number
  /** Of the next one, whose exporter is well. */
  readonly next: Account
  /** At the receiver, by the end of each. */
  readonly arrived: readonly [number, number]
}

let processes: number
beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
  processes = 0
  openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(processes++) }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test.each(CASES.filter(([, , way]) => way !== 'shutdown'))(
  'an exporter that %s, %s, %s, with a spool',
  async (...row) => {
    const [fault, temporality, way, expected] = row
    const { outcome, exporter, stats } = await runCase(fault, temporality, way, {
      spoolDirectory: directoryOfThisTest(),
    })
    expect(outcome).toEqual(expected)
    expect(exporter.receiver.violations).toEqual([])
    expect(stats.spoolError).toBeUndefined()
    expect(stats.spoolBytes).toBe(0)
  },
)

test.each(AFTER_SHUTDOWN)(
  'an exporter that %s, %s, and then a shutdown, with a spool',
  async (fault, temporality, expected) => {
    const spoolDirectory = directoryOfThisTest()
    const { outcome, exporter, settled } = await runCase(fault, temporality, 'shutdown', { spoolDirectory })
    expect(outcome).toMatchObject({ during: expected.during, calls: expected.calls, after: expected.during })
    const [, held, lost] = expected.during
    expect(settled.map(({ status }) => status)).toEqual([held + lost === 0 ? 'fulfilled' : 'rejected'])

    const next = pushPipeline(new ScriptedExporter(TEMPORALITIES[temporality], exporter.receiver), { spoolDirectory })
    await vi.advanceTimersByTimeAsync(INTERVAL)
    const { deliveredPoints, pendingPoints, lostPoints, outcomeUnknown, spoolBytes } = next.stats()
    expect([deliveredPoints, pendingPoints, lostPoints.rejected + lostPoints.shutdown, outcomeUnknown]).toEqual(
      expected.next,
    )
    expect([outcome.arrived, exporter.receiver.total('counter')]).toEqual(expected.arrived)
    expect(exporter.receiver.violations).toEqual([])
    expect(spoolBytes).toBe(0)
  },
)
