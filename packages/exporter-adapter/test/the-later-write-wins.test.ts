import { describe, expect, it } from 'vitest'
import type { Spool } from '../src/spool/spool.ts'
import { FaultyFs } from './support/faulty-fs.ts'
import { bytes, filesUnder, leftBy, openSpool, temporaryDirectory } from './support/spool-directory.ts'

async function started() {
  const fs = new FaultyFs()
  const directory = temporaryDirectory()
  const spool = await openSpool(directory, { fs })
  await spool.write('open', bytes('oldest'), 1)
  fs.arm()
  return { fs, spool, directory }
}

/** Does `blocking` before, or after, the n-th call of what `awaited` starts; once with each n. */
async function atEveryCall(
  awaited: (spool: Spool) => Promise<void>,
  blocking: (spool: Spool) => void,
  check: (found: string[], what: string) => void,
): Promise<void> {
  const counted = await started()
  await awaited(counted.spool)
  const calls = counted.fs.calls.length
  for (const when of ['before', 'after'] as const) {
    for (let at = 0; at < calls; at++) {
      const { fs, spool, directory } = await started()
      let call = 0
      fs[when] = () => {
        if (call++ === at) blocking(spool)
      }
      await awaited(spool)
      fs[when] = () => {}
      const what = `${when} call ${at}`
      expect(
        filesUnder(spool.path).filter((name) => name.endsWith('.tmp')),
        what,
      ).toEqual([])
      check(await leftBy(spool, directory), what)
    }
  }
}

describe('writeSync', () => {
  const blocking = (spool: Spool): void => spool.writeSync('open', bytes('latest'), 3)

  it('wins over a write of the same slot that is under way, whatever the write is doing', async () => {
    await atEveryCall(
      (spool) => spool.write('open', bytes('older'), 2),
      blocking,
      (found, what) => expect(found, what).toEqual(['open=latest/3']),
    )
  })

  it('is not undone by a removal under way', async () => {
    await atEveryCall(
      (spool) => spool.remove('open'),
      blocking,
      (found, what) => expect(found, what).toEqual(['open=latest/3']),
    )
  })

  it('takes nothing from the slot that is being renamed', async () => {
    await atEveryCall(
      (spool) => spool.rename('open', 'sealed'),
      blocking,
      (found, what) => expect(found, what).toEqual(['sealed=oldest/1', 'open=latest/3']),
    )
  })

  it('replaces what is being renamed to its slot', async () => {
    await atEveryCall(
      (spool) => spool.rename('open', 'sealed'),
      (spool) => spool.writeSync('sealed', bytes('latest'), 3),
      (found, what) => expect(found, what).toEqual(['sealed=latest/3']),
    )
  })

  it('wins over writes that have not begun', async () => {
    const { spool, directory } = await started()
    const writes = [1, 2, 3].map((i) => spool.write('open', bytes(`write ${i}`), i))
    blocking(spool)
    await Promise.all(writes)
    expect(await leftBy(spool, directory)).toEqual(['open=latest/3'])
  })

  it('loses to a write that is called later', async () => {
    const { spool, directory } = await started()
    const first = spool.write('open', bytes('older'), 2)
    blocking(spool)
    await Promise.all([first, spool.write('open', bytes('last'), 4)])
    expect(await leftBy(spool, directory)).toEqual(['open=last/4'])
  })

  it('that fails leaves the write under way to itself', async () => {
    const { fs, spool, directory } = await started()
    const writing = spool.write('open', bytes('older'), 2)
    fs.arm({ at: 0, when: 'before', code: 'ENOSPC' })
    expect(() => blocking(spool)).toThrow('ENOSPC')
    await writing
    expect(await leftBy(spool, directory)).toEqual(['open=older/2'])
  })
})

describe('calls that are not waited for', () => {
  it('are done in the order in which they were made', async () => {
    const { spool, directory } = await started()
    await Promise.all([
      spool.write('open', bytes('a'), 1),
      spool.rename('open', 'sealed'),
      spool.write('open', bytes('b'), 2),
      spool.remove('open'),
      spool.write('open', bytes('c'), 3),
    ])
    expect(await leftBy(spool, directory)).toEqual(['sealed=a/1', 'open=c/3'])
  })

  it('do not rename onto a slot in use, nor one that holds nothing', async () => {
    const { spool, directory } = await started()
    await spool.write('sealed', bytes('sealed'), 1)
    await expect(spool.rename('open', 'sealed')).rejects.toThrow('in use')
    await expect(spool.rename('none', 'other')).rejects.toThrow('holds nothing')
    expect(await leftBy(spool, directory)).toEqual(['open=oldest/1', 'sealed=sealed/1'])
  })
})
