import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { decodeParcel, encodeParcelAtOnce } from '../src/push/parcel-record.ts'
import { leave, parcelOf, sealed } from './support/dead-process.ts'
import { pushPipeline } from './support/pipeline.ts'
import { deadIdentity, directoryOfThisTest, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

const RESTARTS = 20

/** Every parcel that was read from disk, as long as somebody holds it. */
const records: WeakRef<object>[] = []
vi.mock('../src/push/parcel-record.ts', async (original) => {
  const parcelRecord = await original<typeof import('../src/push/parcel-record.ts')>()
  return {
    ...parcelRecord,
    decodeParcel: (bytes: Uint8Array) => {
      const record = parcelRecord.decodeParcel(bytes)
      records.push(new WeakRef(record.streams[0]!))
      return record
    },
  }
})

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test(`of what ${RESTARTS} processes have left in an outage, nothing is in memory while it lasts`, async () => {
  const directory = directoryOfThisTest()
  for (let i = 0; i < RESTARTS; i++) await leave(directory, 'exporter', sealed(parcelOf(`${i}`, 5, { from: 5 * i })))
  openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(1_000) }))
  const { exporter, interval, stats } = pushPipeline(undefined, { name: 'exporter', spoolDirectory: directory })
  exporter.answer = 'failBefore'
  let mostHeld = 0
  for (let turn = 0; turn < 10; turn++) {
    await interval()
    mostHeld = Math.max(mostHeld, heldRecords())
  }
  expect(stats()).toMatchObject({ offeredPoints: 5 * RESTARTS, pendingPoints: 5 * RESTARTS, pendingParcels: RESTARTS })
  expect(records.length).toBeGreaterThan(1)
  expect(mostHeld).toBe(0)

  exporter.answer = 'success'
  await interval()
  const arrived = Array.from({ length: 5 * RESTARTS }, (_, series) => exporter.receiver.total('counter', { series }))
  expect(arrived).toEqual(arrived.map(() => 1))
  expect(stats()).toMatchObject({ deliveredPoints: 5 * RESTARTS, pendingPoints: 0, spoolBytes: 0 })
})

test('a parcel is read a piece at a time, as its points are asked for', () => {
  const bytes = Buffer.from(encodeParcelAtOnce(parcelOf('a', 33)))
  bytes.fill(0, bytes.length - 20)
  const { streams } = decodeParcel(bytes)
  expect(streams.map(({ size }) => size)).toEqual([32, 1])
  expect(streams[0]!.series[31]!.attributes).toEqual({ series: 31 })
  expect(() => streams[1]!.series).toThrow(expect.objectContaining({ code: 'UNREADABLE' }))
})

function heldRecords(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return records.filter((record) => record.deref() !== undefined).length
}
