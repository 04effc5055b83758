import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ClaimedEntry } from '../src/spool/claim.ts'
import { nodeFs, type OpenFile } from '../src/spool/file-calls.ts'
import type { Spool } from '../src/spool/spool.ts'
import { SpoolError } from '../src/spool/spool-errors.ts'
import { FaultyFs } from './support/faulty-fs.ts'
import { bytes, contents, leftBy, openSpool, temporaryDirectory } from './support/spool-directory.ts'

interface Operation {
  readonly name: string
  readonly run: (spool: Spool) => Promise<void> | void
  /** What a later process may find when the operation failed. */
  readonly failed: readonly string[]
  readonly done: string
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'write',
    run: (spool) => spool.write('open', bytes('new'), 2),
    failed: ['open=old/1', 'open=new/2'],
    done: 'open=new/2',
  },
  {
    name: 'writeSync',
    run: (spool) => spool.writeSync('open', bytes('new'), 2),
    failed: ['open=old/1', 'open=new/2'],
    done: 'open=new/2',
  },
  {
    name: 'rename',
    run: (spool) => spool.rename('open', 'sealed'),
    failed: ['open=old/1', 'sealed=old/1'],
    done: 'sealed=old/1',
  },
  { name: 'remove', run: (spool) => spool.remove('open'), failed: ['open=old/1', ''], done: '' },
]

describe.each(OPERATIONS)('$name', ({ run, failed, done }) => {
  // A disk that is full makes no call; one that fails may have made it.
  for (const [when, code] of [
    ['before', 'ENOSPC'],
    ['after', 'EIO'],
  ] as const) {
    it(`that fails with ${code} ${when} any call leaves the slot whole, and the spool goes on`, async () => {
      const calls = await callsOf(run)
      for (let at = 0; at < calls; at++) {
        const { fs, spool, directory } = await started()
        fs.arm({ at, when, code })
        const outcome = await outcomeOf(async () => run(spool))
        fs.arm()
        await spool.write('next', bytes('more'), 3)
        const [slot, ...rest] = await leftBy(spool, directory)
        const found = rest.length > 0 ? slot : ''
        const what = `call ${at}: ${outcome ?? 'done'}`
        if (outcome === undefined) expect(found, what).toBe(done)
        else {
          expect(failed, what).toContain(found)
          expect(outcome).toBeInstanceOf(SpoolError)
          expect(outcome).toMatchObject({ code, message: expect.stringContaining(directory) })
        }
        expect(rest.length > 0 ? rest : [slot], what).toEqual(['next=more/3'])
      }
    })
  }

  it('fails without end and is done at last', async () => {
    const { fs, spool, directory } = await started()
    for (const at of [0, 1, 2]) {
      fs.arm({ at, when: 'before', code: 'EIO', times: Number.POSITIVE_INFINITY })
      expect(await outcomeOf(async () => run(spool))).toBeInstanceOf(SpoolError)
    }
    fs.arm()
    await run(spool)
    expect(await leftBy(spool, directory)).toEqual(done === '' ? [] : [done])
  })
})

describe('open', () => {
  it('that fails at any call rejects, and succeeds the next time', async () => {
    const fs = new FaultyFs()
    await (await openSpool(temporaryDirectory(), { fs })).close()
    const calls = fs.calls.length
    expect(calls).toBeGreaterThan(5)
    for (let at = 0; at < calls - 3; at++) {
      const directory = temporaryDirectory()
      fs.arm({ at, when: 'before', code: 'EIO' })
      await expect(openSpool(directory, { fs }), `call ${at}`).rejects.toThrow('EIO')
      fs.arm()
      const spool = await openSpool(directory, { fs })
      await spool.write('open', bytes('kept'), 1)
      expect(await leftBy(spool, directory)).toEqual(['open=kept/1'])
    }
  })
})

describe('claim', () => {
  it('that fails at any call loses nothing and hands out nothing twice', async () => {
    const fs = new FaultyFs()
    const prepared = async () => {
      const directory = temporaryDirectory()
      const dead = await openSpool(directory)
      await dead.write('sealed', bytes('first'), 1)
      await dead.write('open', bytes('second'), 2)
      await dead.close()
      fs.arm()
      return { directory, spool: await openSpool(directory, { fs }) }
    }
    const { spool } = await prepared()
    fs.arm()
    await spool.claim()
    const calls = fs.calls.length
    for (let at = 0; at < calls; at++) {
      const { spool, directory } = await prepared()
      fs.arm({ at, when: at % 2 === 0 ? 'before' : 'after', code: 'EIO' })
      const entries = await spool.claim().catch((): ClaimedEntry[] => [])
      fs.arm()
      entries.push(...(await spool.claim()))
      entries.sort((a, b) => a.points - b.points)
      expect(await contents(entries), `call ${at}`).toEqual(['sealed=first/1', 'open=second/2'])
      for (const entry of entries) await entry.remove()
      expect(await leftBy(spool, directory), `call ${at}`).toEqual([])
    }
  })

  it('is removed as a whole or not at all, under faults at any call', async () => {
    for (let at = 0; at < 10; at++) {
      const fs = new FaultyFs()
      const directory = temporaryDirectory()
      const dead = await openSpool(directory)
      await dead.write('sealed', bytes('two batches'), 2)
      await dead.close()
      const spool = await openSpool(directory, { fs })
      const [entry] = await spool.claim()
      fs.arm({ at, when: 'before', code: 'EIO' })
      const failure = await outcomeOf(() => entry!.remove())
      fs.arm()
      const found = await leftBy(spool, directory)
      if (failure === undefined) expect(found, `call ${at}`).toEqual([])
      else expect([[], ['sealed=two batches/2']], `call ${at}`).toContainEqual(found)
    }
  })
})

describe('what is acknowledged', () => {
  it('is on the disk: the file before it has its name, the name before the older file goes', async () => {
    const { fs, spool } = await started()
    fs.arm()
    await spool.write('open', bytes('new'), 2)
    const protocol = ['open', 'write', 'write', 'fsync', 'close', 'rename', 'open', 'fsync', 'close', 'unlink']
    expect(fs.calls).toEqual(protocol)
    fs.arm()
    spool.writeSync('open', bytes('newer'), 3)
    expect(fs.calls).toEqual(protocol)
    fs.arm()
    await spool.rename('open', 'sealed')
    expect(fs.calls).toEqual(['rename', 'open', 'fsync', 'close'])
    fs.arm()
    await spool.remove('sealed')
    expect(fs.calls).toEqual(['unlink', 'open', 'fsync', 'close'])
    await spool.close()
  })

  it('is in directories that are on the disk', async () => {
    const fs = new FaultyFs()
    const synced: unknown[] = []
    fs.before = (name, [subject]) => {
      if (name === 'fsync') synced.push((subject as { path: string }).path)
    }
    const root = temporaryDirectory()
    const spool = await openSpool(join(root, 'a', 'b'), { fs })
    const parent = dirname(spool.path)
    expect(synced).toEqual(expect.arrayContaining([root, join(root, 'a'), join(root, 'a', 'b'), parent]))
    await spool.close()
  })

  it('is written in full where the file system takes a part at a time', async () => {
    const directory = temporaryDirectory()
    const blocking = {
      ...nodeFs.blocking,
      write: (file: OpenFile, all: Uint8Array) => nodeFs.blocking.write(file, all.subarray(0, 3)),
    }
    const awaited = {
      ...nodeFs.awaited,
      write: (file: OpenFile, all: Uint8Array) => nodeFs.awaited.write(file, all.subarray(0, 3)),
    }
    const spool = await openSpool(directory, { fs: { awaited, blocking } })
    await spool.write('open', bytes('a rather long body'), 1)
    spool.writeSync('sealed', bytes('another long body'), 2)
    expect(await leftBy(spool, directory)).toEqual(['open=a rather long body/1', 'sealed=another long body/2'])
  })
})

async function started() {
  const fs = new FaultyFs()
  const directory = temporaryDirectory()
  const spool = await openSpool(directory, { fs })
  await spool.write('open', bytes('old'), 1)
  return { fs, spool, directory }
}

async function callsOf(run: Operation['run']): Promise<number> {
  const { fs, spool } = await started()
  fs.arm()
  await run(spool)
  expect(fs.calls.length).toBeGreaterThan(3)
  return fs.calls.length
}

async function outcomeOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error
  }
}
