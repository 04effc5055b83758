import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ExportedPoint } from '../src/exported.ts'
import { sideBySide } from '../src/side-by-side.ts'

/**
 * OTel specification, metrics SDK, "Start timestamps": all delta points of an instrument start where the collection
 * before ended. A cumulative start has to repeat; that of a synchronous series should be its first record, and ours is
 * the start of the window that record fell into: never later, and at most one interval earlier.
 */
const CREATED_MILLIS = 1_800_000_000_000

beforeEach(() => {
  vi.useFakeTimers({ now: CREATED_MILLIS })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Start and end of each point in ms after the creation of the readers. */
function windows(points: readonly ExportedPoint[]): number[][] {
  return points.map(({ startMicros, endMicros }) =>
    [startMicros, endMicros].map((micros) => Math.round(micros / 1000) - CREATED_MILLIS),
  )
}

test('delta points of one export all start where the export before ended; the SDK starts new ones when they are recorded', async () => {
  const { meter, flush, end } = sideBySide('delta')
  const counter = meter.createCounter('requests')
  vi.advanceTimersByTime(1_000)
  counter.add(1, { series: 'old' })
  vi.advanceTimersByTime(1_000)
  const first = await flush()
  expect(windows(first.ours)).toEqual([[0, 2_000]])
  expect(windows(first.stock)).toEqual([[1_000, 2_000]])

  vi.advanceTimersByTime(1_000)
  counter.add(1, { series: 'old' })
  counter.add(1, { series: 'new' })
  vi.advanceTimersByTime(1_000)
  const second = await flush()
  expect(windows(second.ours)).toEqual([
    [2_000, 4_000],
    [2_000, 4_000],
  ])
  expect(windows(second.stock)).toEqual([
    [2_000, 4_000],
    [3_000, 4_000],
  ])
  await end()
})

test('a cumulative series starts where the export before its first one ended; in the SDK when it is first recorded', async () => {
  const { meter, flush, end } = sideBySide('cumulative')
  const counter = meter.createCounter('requests')
  await flush()
  vi.advanceTimersByTime(1_000)
  counter.add(1)
  vi.advanceTimersByTime(1_000)
  const first = await flush()
  vi.advanceTimersByTime(1_000)
  const second = await flush()
  expect([...windows(first.ours), ...windows(second.ours)]).toEqual([
    [0, 2_000],
    [0, 3_000],
  ])
  expect([...windows(first.stock), ...windows(second.stock)]).toEqual([
    [1_000, 2_000],
    [1_000, 3_000],
  ])
  await end()
})
