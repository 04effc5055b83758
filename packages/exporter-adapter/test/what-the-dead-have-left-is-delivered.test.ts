import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { encodeProgress } from '../src/push/parcel-record.ts'
import { leave, parcelOf, sealed } from './support/dead-process.ts'
import { pushPipeline } from './support/pipeline.ts'
import { deadIdentity, directoryOfThisTest, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const NAME = 'exporter'

/** The process that comes after all of them, and finds what they have left. */
function successorOn(spoolDirectory: string) {
  openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(1_000) }))
  return pushPipeline(undefined, { name: NAME, spoolDirectory, maxExportBatchSize: 2 })
}

const progress = (id: string, ...finished: readonly number[]) => ({
  slot: 'progress',
  body: encodeProgress({ id, finished }),
  points: 0,
})

test('what has been delivered of a parcel is not sent again', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 5)), progress('a', 1))
  const { exporter, interval, stats } = successorOn(directory)
  await interval()
  expect([0, 1, 2, 3, 4].map((series) => exporter.receiver.total('counter', { series }))).toEqual([1, 1, 0, 0, 1])
  expect(stats()).toMatchObject({ offeredPoints: 3, deliveredPoints: 3, pendingPoints: 0, spoolBytes: 0 })
})

test.each([
  ['beyond the parcel', [0, 3]],
  ['below it', [-1, 0]],
  ['between two batches', [0.5]],
])('a parcel is sent whole where its progress is that of another cut: a batch %s', async (_, finished) => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 5)), progress('a', ...finished))
  await leave(directory, NAME, sealed(parcelOf('b', 2, { from: 5 })))
  const { exporter, interval, stats } = successorOn(directory)
  await interval()
  expect(exporter.receiver.total('counter', { series: 0 })).toBe(1)
  expect(stats()).toMatchObject({ offeredPoints: 7, deliveredPoints: 7, outcomeUnknown: 4, spoolBytes: 0 })
})
