import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { runCrash } from './support/crash-matrix.ts'
import { CRASHES } from './support/crash-table.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test.each(CRASHES)('a process that dies %s, %s, and then one that %s', async (moment, temporality, next, expected) => {
  const { outcome, receiver, left } = await runCrash(moment, temporality, next)
  expect(outcome).toEqual(expected)
  const [acknowledged, , after] = outcome
  expect(after).toBeGreaterThanOrEqual(acknowledged)
  expect(receiver.violations).toEqual([])
  expect(left, 'points pending and bytes on disk at the end').toBe(0)
})
