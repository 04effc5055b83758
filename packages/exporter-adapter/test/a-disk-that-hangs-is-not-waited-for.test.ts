import { afterEach, expect, it, vi } from 'vitest'
import { DEADLINE_MILLIS } from '../src/spool/task-queue.ts'
import { FaultyFs } from './support/faulty-fs.ts'
import { bytes, filesUnder, leftBy, openSpool, temporaryDirectory } from './support/spool-directory.ts'

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

it('writing goes on synchronously meanwhile', async () => {
  const { spool, directory, goOn } = await hanging('rename')
  spool.writeSync('open', bytes('at exit'), 3)
  goOn()
  expect(await leftBy(spool, directory)).toEqual(['open=at exit/3'])
})
