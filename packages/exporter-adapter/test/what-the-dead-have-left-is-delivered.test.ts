import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import type { PushExporterAdapterOptions } from '@otel-sluice/exporter-adapter'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { encodeProgress } from '../src/push/parcel-record.ts'
import { leave, parcelOf, sealed } from './support/dead-process.ts'
import { pushPipeline, TIMEOUT } from './support/pipeline.ts'
import { filesUnder } from './support/spool-directory.ts'
import { deadIdentity, directoryOfThisTest, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

let lines: string[]
beforeEach(() => {
  vi.useFakeTimers()
  lines = diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const NAME = 'exporter'

/** The process that comes after all of them, and finds what they have left. */
function successorOn(spoolDirectory: string, options: PushExporterAdapterOptions = {}) {
  const fs = new ProcessFs()
  openSpoolsWith(() => ({ fs, identity: deadIdentity(1_000) }))
  return { ...pushPipeline(undefined, { name: NAME, spoolDirectory, maxExportBatchSize: 2, ...options }), fs }
}

/** @param sizes of the batches that it is cut into */
const progress = (id: string, sizes: readonly number[], ...finished: readonly number[]) => ({
  slot: 'progress-1',
  body: encodeProgress({ id, sizes, finished }),
  points: 0,
})

test('what has been delivered of a parcel is not sent again', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 5)), progress('a', [2, 2, 1], 1))
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
  await leave(directory, NAME, sealed(parcelOf('a', 5)), progress('a', [2, 2, 1], ...finished))
  await leave(directory, NAME, sealed(parcelOf('b', 2, { from: 5 })))
  const { exporter, interval, stats } = successorOn(directory)
  await interval()
  expect(exporter.receiver.total('counter', { series: 0 })).toBe(1)
  expect(stats()).toMatchObject({ offeredPoints: 7, deliveredPoints: 7, outcomeUnknown: 4, spoolBytes: 0 })
})

test('a late success counts, though the points are no longer in memory', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 3)))
  const { exporter, interval, stats } = successorOn(directory)
  exporter.answer = 'hang'
  await interval()
  await vi.advanceTimersByTimeAsync(TIMEOUT)
  expect(stats()).toMatchObject({ pendingPoints: 3, inFlightPoints: 2, failures: 1 })
  exporter.hanging[0]!.succeed()
  await vi.advanceTimersByTimeAsync(0)
  expect(stats()).toMatchObject({ deliveredPoints: 2, pendingPoints: 1 })
  exporter.answer = 'success'
  await interval()
  expect(stats()).toMatchObject({ offeredPoints: 3, deliveredPoints: 3, pendingPoints: 0, spoolBytes: 0 })
  expect(exporter.calls).toHaveLength(2)
})

test('a flush goes on with what the dead have left as long as it gets on, beyond one export time-out', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 9)))
  const { exporter, reader, stats } = successorOn(directory)
  const send = exporter.export.bind(exporter)
  exporter.export = (metrics, done) => void setTimeout(send, 0.6 * TIMEOUT, metrics, done)
  const flushed = reader.forceFlush({ timeoutMillis: 10 * TIMEOUT })
  await vi.advanceTimersByTimeAsync(10 * TIMEOUT)
  await flushed
  expect(stats()).toMatchObject({ offeredPoints: 9, deliveredPoints: 9, pendingPoints: 0, spoolBytes: 0 })
})

test('a flush waits for what the dead have left also where its time-outs are longer than timers go', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 9)))
  const { exporter, reader, stats } = successorOn(directory, { exportTimeoutMillis: 2 ** 31 - 1 })
  const send = exporter.export.bind(exporter)
  exporter.export = (metrics, done) => void setTimeout(send, 0.6 * TIMEOUT, metrics, done)
  const flushed = reader.forceFlush()
  await vi.advanceTimersByTimeAsync(10 * TIMEOUT)
  await flushed
  expect(stats()).toMatchObject({ deliveredPoints: 9, pendingPoints: 0 })
})

test('a flush that has too little time says that what the dead have left is still being sent', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 9)))
  const { exporter, reader } = successorOn(directory)
  const send = exporter.export.bind(exporter)
  exporter.export = (metrics, done) => void setTimeout(send, 0.6 * TIMEOUT, metrics, done)
  const flushed = expect(reader.forceFlush({ timeoutMillis: 2 * TIMEOUT })).rejects.toThrow('are still being sent')
  await vi.advanceTimersByTimeAsync(2 * TIMEOUT)
  await flushed
})

test.each(['failPlain', 'hang'] as const)(
  'a batch at which the receiver is mute keeps nothing else waiting: %s',
  async (mute) => {
    const directory = directoryOfThisTest()
    await leave(directory, NAME, sealed(parcelOf('a', 5)), {
      ...sealed(parcelOf('b', 1, { from: 5 })),
      slot: 'sealed-2',
    })
    await leave(directory, NAME, sealed(parcelOf('c', 1, { from: 6 })))
    const { exporter, interval, stats } = successorOn(directory)
    const succeed = exporter.export.bind(exporter)
    exporter.export = (metrics, done) => {
      const isFirst = JSON.stringify(metrics.scopeMetrics).includes('"series":0')
      exporter.answer = isFirst ? mute : 'success'
      return succeed(metrics, done)
    }
    for (let i = 0; i < 30; i++) await interval()
    expect(stats()).toMatchObject({ offeredPoints: 7, deliveredPoints: 5, pendingPoints: 2 })
    expect([2, 3, 4, 5, 6].map((series) => exporter.receiver.total('counter', { series }))).toEqual([1, 1, 1, 1, 1])
  },
)

test('a parcel that cannot be read just now keeps what the same process left after it, and nothing else', async () => {
  const directory = directoryOfThisTest()
  const open = { ...sealed(parcelOf('b', 2, { from: 2 })), slot: 'open' }
  const path = await leave(directory, NAME, sealed(parcelOf('a', 2)), open)
  await leave(directory, NAME, sealed(parcelOf('c', 2, { from: 4 })))
  const { exporter, interval, reader, stats, fs } = successorOn(directory)
  exporter.answer = 'failBefore'
  await interval()
  exporter.answer = 'success'
  const { open: openFile } = fs.awaited
  const ill = async (...args: Parameters<typeof openFile>) => {
    if (args[0].includes(`${basename(path)}/`) && args[0].includes('sealed'))
      throw Object.assign(new Error('EIO: open'), { code: 'EIO' })
    return openFile(...args)
  }
  Object.assign(fs.awaited, { open: ill })
  await interval()
  const arrived = () => exporter.calls.slice(1).map(({ scopeMetrics }) => scopeMetrics[0]!.metrics[0]!.dataPoints[0]!)
  expect(arrived().map(({ attributes }) => attributes.series)).toEqual([4])
  expect(stats()).toMatchObject({ offeredPoints: 6, deliveredPoints: 2, pendingPoints: 4 })
  expect(lines).toContainEqual(expect.stringContaining('EIO'))
  await expect(reader.forceFlush()).rejects.toThrow('4 points of processes before cannot be read from the spool')
  Object.assign(fs.awaited, { open: openFile })
  await interval()
  expect(arrived().map(({ attributes }) => attributes.series)).toEqual([4, 0, 2])
  expect(stats()).toMatchObject({ deliveredPoints: 6, pendingPoints: 0, spoolBytes: 0 })
})

test('what is taken away again while it waits is counted as lost here, and sent by whoever has it', async () => {
  const directory = directoryOfThisTest()
  await leave(directory, NAME, sealed(parcelOf('a', 3)))
  const { exporter, interval, stats } = successorOn(directory)
  exporter.answer = 'failBefore'
  await interval()
  expect(stats()).toMatchObject({ offeredPoints: 3, pendingPoints: 3 })
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true })
  exporter.answer = 'success'
  await interval()
  await interval()
  expect(exporter.receiver.total('counter', { series: 0 })).toBe(0)
  expect(stats()).toMatchObject({ offeredPoints: 3, pendingPoints: 0, lostPoints: { 'spool-unreadable': 3 } })
  expect(lines.filter((line) => line.includes('3 points cannot be read from the spool any more'))).toHaveLength(1)
})

describe('what cannot be read', () => {
  const unreadableIn = (directory: string) => filesUnder(directory).filter((name) => name.endsWith('.unreadable'))
  const saidOfUnreadable = () => lines.filter((line) => line.startsWith('error') && line.includes('set aside as'))

  /** Changes the only file of a slot, as a disk may. */
  function rot(path: string, slot: string, change: (bytes: Buffer) => Uint8Array): void {
    const file = join(path, readdirSync(path).find((name) => name.includes(slot))!)
    writeFileSync(file, change(readFileSync(file)))
  }
  const flipped = (bytes: Buffer) => {
    bytes[bytes.length - 1]! ^= 1
    return bytes
  }

  test('of a parcel that has rotted counts for the points in its header, and is set aside', async () => {
    const directory = directoryOfThisTest()
    rot(await leave(directory, NAME, sealed(parcelOf('a', 5))), 'sealed', flipped)
    const { interval, stats } = successorOn(directory)
    await interval()
    expect(stats()).toMatchObject({ offeredPoints: 5, pendingPoints: 0, lostPoints: { 'spool-unreadable': 5 } })
    const [kept] = unreadableIn(directory)
    expect(saidOfUnreadable()).toEqual([
      expect.stringContaining(`5 points cannot be read and is set aside as ${join(directory, kept!)}: `),
    ])
    await interval()
    expect(saidOfUnreadable()).toHaveLength(1)
  })

  test('of a parcel without a header counts for one point', async () => {
    const directory = directoryOfThisTest()
    rot(await leave(directory, NAME, sealed(parcelOf('a', 5))), 'sealed', (bytes) => bytes.subarray(0, 20))
    const { interval, stats } = successorOn(directory)
    await interval()
    expect(stats()).toMatchObject({ offeredPoints: 1, lostPoints: { 'spool-unreadable': 1 } })
  })

  test.each([
    ['has rotted', flipped],
    ['has no header', (bytes: Buffer) => bytes.subarray(0, 20)],
  ])('of progress that %s counts for nothing, and its parcel is sent whole', async (_, change) => {
    const directory = directoryOfThisTest()
    rot(await leave(directory, NAME, sealed(parcelOf('a', 5)), progress('a', [2, 2, 1], 0)), 'progress', change)
    const { interval, stats } = successorOn(directory)
    await interval()
    expect(stats()).toMatchObject({ offeredPoints: 5, deliveredPoints: 5, lostPoints: { 'spool-unreadable': 0 } })
    expect(unreadableIn(directory)).toHaveLength(1)
    expect(saidOfUnreadable()).toHaveLength(1)
  })

  test.each([
    ['no values of V8', Buffer.from('anything')],
    ['another value', Buffer.concat([Buffer.of(0, 0, 0, 4), serialize(1)])],
    ['nothing', Buffer.alloc(0)],
  ])('is set aside though its checksum is right: %s', async (_, body) => {
    const directory = directoryOfThisTest()
    await leave(directory, NAME, { slot: 'sealed-1', body, points: 4 })
    await leave(directory, NAME, { slot: 'progress-1', body, points: 0 }, sealed(parcelOf('b', 2)))
    const { interval, stats } = successorOn(directory)
    await interval()
    expect(stats()).toMatchObject({ offeredPoints: 6, deliveredPoints: 2, lostPoints: { 'spool-unreadable': 4 } })
    expect(stats()).toMatchObject({ pendingPoints: 0, spoolBytes: 0 })
    expect(stats().spoolError).toBeUndefined()
    expect(unreadableIn(directory)).toHaveLength(2)
    expect(saidOfUnreadable()).toHaveLength(2)
  })

  test('within a parcel costs what is not delivered yet, and keeps no other from being sent', async () => {
    const directory = directoryOfThisTest()
    const parcel = sealed(parcelOf('a', 40))
    const body = Buffer.from(parcel.body)
    // The second piece of points, of the last eight.
    body.fill(0, body.length - 20)
    await leave(directory, NAME, { ...parcel, body })
    await leave(directory, NAME, sealed(parcelOf('b', 2, { from: 40 })))
    const { exporter, interval, stats } = successorOn(directory)
    await interval()
    expect([31, 32, 41].map((series) => exporter.receiver.total('counter', { series }))).toEqual([1, 0, 1])
    expect(stats()).toMatchObject({ offeredPoints: 42, deliveredPoints: 34, lostPoints: { 'spool-unreadable': 8 } })
    expect(stats()).toMatchObject({ pendingPoints: 0, spoolBytes: 0 })
    expect(unreadableIn(directory)).toHaveLength(1)
  })

  test('as it is of a newer version is left where it is, which is said once', async () => {
    const directory = directoryOfThisTest()
    const path = await leave(directory, NAME, sealed(parcelOf('a', 5)))
    rot(path, 'sealed', (bytes) => {
      bytes.writeUInt16LE(99, 10)
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12)
      return bytes
    })
    const before = filesUnder(path)
    const { interval, stats } = successorOn(directory)
    for (let turn = 0; turn < 150; turn++) await interval()
    expect(filesUnder(path)).toEqual(before)
    expect(stats()).toMatchObject({ offeredPoints: 0, lostPoints: { 'spool-unreadable': 0 } })
    expect(lines.filter((line) => line.includes('newer version'))).toEqual([
      'warn sluice: exporter: 1 files in the spool were written by a newer version of this package or of Node.js, and are left for it',
    ])
  })
})
