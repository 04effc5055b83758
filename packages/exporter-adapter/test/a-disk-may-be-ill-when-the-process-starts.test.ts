import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { DEADLINE_MILLIS } from '../src/spool/task-queue.ts'
import { pushPipeline } from './support/pipeline.ts'
import { Receiver } from './support/receiver.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import {
  type DiskFault,
  deadIdentity,
  directoryOfThisTest,
  forgetLivingSpools,
  openSpoolsWith,
  ProcessFs,
} from './support/spool-fs.ts'

let said: string[]
beforeEach(() => {
  vi.useFakeTimers()
  said = diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A process whose exporter is refused and whose disk is ill from the start, up to its `turns`-th turn, and what comes after it. */
async function startedOn(fault: DiskFault, { turns, millis }: { turns: number; millis: number }) {
  const spoolDirectory = directoryOfThisTest()
  const fs = new ProcessFs()
  fs.fault = fault
  openSpoolsWith(() => ({ fs, identity: deadIdentity(0) }))
  const exporter = new ScriptedExporter(undefined, new Receiver())
  exporter.answer = 'failBefore'
  const process = pushPipeline(exporter, { spoolDirectory })
  const turn = async () => {
    process.counter.add(1)
    await vi.advanceTimersByTimeAsync(millis)
  }
  for (let i = 0; i < turns; i++) await turn()
  return {
    fs,
    turn,
    stats: process.stats,
    directories: () => readdirSync(spoolDirectory).flatMap((name) => readdirSync(join(spoolDirectory, name))),
    /** What arrives when this process is killed and another one follows. */
    async arrivesAfterItsDeath(): Promise<number> {
      fs.isDead = true
      forgetLivingSpools()
      vi.clearAllTimers()
      openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(1) }))
      const next = pushPipeline(new ScriptedExporter(undefined, exporter.receiver), { spoolDirectory })
      await next.interval()
      expect(next.stats()).toMatchObject({ pendingPoints: 0, spoolBytes: 0 })
      expect(exporter.receiver.violations).toEqual([])
      return exporter.receiver.total('counter')
    },
  }
}

test.each<[DiskFault, string]>([
  ['full', 'ENOSPC'],
  ['takesNames', 'ENOSPC'],
  ['readOnly', 'EROFS'],
  ['broken', 'EIO'],
  ['hangs', 'not done after 30000 ms'],
])('a disk that is ill from the start (%s) is used once it is well', async (fault, reason) => {
  const started = await startedOn(fault, { turns: 4, millis: DEADLINE_MILLIS })
  expect(started.stats().spoolError).toContain(reason)
  started.fs.fault = 'well'
  // The call that hung is over; what was asked for meanwhile has its deadline yet.
  for (let i = 0; i < 2; i++) await started.turn()
  expect(started.stats().spoolError).toBeUndefined()
  expect(said.filter((line) => line.includes('the spool'))).toEqual([
    expect.stringMatching(/^error .*the spool fails, and what is undelivered is held in memory only/),
    expect.stringMatching(/^warn .*the spool takes what it is given again$/),
  ])
  expect(await started.arrivesAfterItsDeath()).toBe(6)
})

test('a disk that hangs from the start is asked one thing at a time', async () => {
  const { fs } = await startedOn('hangs', { turns: 10, millis: DEADLINE_MILLIS })
  expect(fs.mostHanging).toBe(1)
})

test('a disk that is full from the start is left with one directory, and one lease', async () => {
  const { fs, turn, directories, arrivesAfterItsDeath } = await startedOn('takesNames', { turns: 10, millis: 1_000 })
  expect(directories()).toHaveLength(1)
  fs.fault = 'well'
  await turn()
  expect(directories()).toHaveLength(1)
  // At once, as the lease says who is dead: not after the minute of one that says nothing.
  expect(await arrivesAfterItsDeath()).toBe(11)
})
