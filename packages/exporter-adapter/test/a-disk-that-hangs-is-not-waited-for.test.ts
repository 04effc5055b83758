import { afterEach, expect, it, vi } from 'vitest'
import type { OpenFile } from '../src/spool/file-calls.ts'
import { DEADLINE_MILLIS } from '../src/spool/task-queue.ts'
import { FaultyFs } from './support/faulty-fs.ts'
import { bytes, contents, filesUnder, leftBy, openSpool, temporaryDirectory } from './support/spool-directory.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** A spool of which one write hangs in the given call, and what lets it go on. */
async function hanging(call: 'fsync' | 'rename') {
  const fs = new FaultyFs()
  const directory = temporaryDirectory()
  const spool = await openSpool(directory, { fs })
  await spool.write('open', bytes('old'), 1)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let goOn = (): void => {}
  const reached = new Promise<void>((resolve) => {
    fs.before = (name) => {
      if (name !== call) return
      resolve()
      fs.before = () => {}
      return new Promise<void>((release) => {
        goOn = release
      })
    }
  })
  const write = spool.write('open', bytes('late'), 2)
  write.catch(() => {})
  await reached
  return { spool, directory, write, goOn: () => goOn() }
}

it('a write that hangs rejects at its deadline, and so do those behind it', async () => {
  const { spool, write, goOn } = await hanging('fsync')
  const second = spool.write('open', bytes('behind'), 3)
  second.catch(() => {})
  vi.advanceTimersByTime(DEADLINE_MILLIS)
  await expect(write).rejects.toThrow(`write ${spool.path}: not done after 30000 ms`)
  await expect(second).rejects.toThrow('30000 ms')
  goOn()
  await spool.close()
})

it('a write that was given up stops before it replaces anything, and leaves nothing behind', async () => {
  const { spool, directory, write, goOn } = await hanging('fsync')
  vi.advanceTimersByTime(DEADLINE_MILLIS)
  await expect(write).rejects.toThrow()
  goOn()
  await spool.write('next', bytes('more'), 3)
  expect(filesUnder(spool.path)).toHaveLength(3)
  expect(await leftBy(spool, directory)).toEqual(['open=old/1', 'next=more/3'])
})

it('a disk that answers again is used again, and writes that were given up do not come back', async () => {
  const { spool, directory, write, goOn } = await hanging('rename')
  const second = spool.write('open', bytes('behind'), 3)
  vi.advanceTimersByTime(DEADLINE_MILLIS)
  await expect(write).rejects.toThrow()
  await expect(second).rejects.toThrow()
  goOn()
  await spool.write('open', bytes('new'), 4)
  expect(await leftBy(spool, directory)).toEqual(['open=new/4'])
})

it('what a claim had read when it was given up comes with the next one', async () => {
  const fs = new FaultyFs()
  const directory = temporaryDirectory()
  const dead = await openSpool(directory)
  await dead.write('sealed', bytes('first'), 1)
  await dead.write('open', bytes('second'), 2)
  await dead.close()
  const spool = await openSpool(directory, { fs })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let claimedReads = 0
  let goOn = (): void => {}
  const reached = new Promise<void>((resolve) => {
    fs.before = (name, [file]) => {
      if (name !== 'read' || !(file as OpenFile).path.startsWith(spool.path) || ++claimedReads < 2) return
      resolve()
      fs.before = () => {}
      return new Promise<void>((release) => {
        goOn = release
      })
    }
  })
  const claim = spool.claim()
  await reached
  vi.advanceTimersByTime(DEADLINE_MILLIS)
  expect(await claim).toEqual([])
  goOn()
  expect((await contents(await spool.claim())).sort()).toEqual(['open=second/2', 'sealed=first/1'])
  await spool.close()
})

it('writing goes on synchronously meanwhile', async () => {
  const { spool, directory, goOn } = await hanging('rename')
  spool.writeSync('open', bytes('at exit'), 3)
  goOn()
  expect(await leftBy(spool, directory)).toEqual(['open=at exit/3'])
})
