import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { describeWhere } from '../../processor/test/support/describe-where.ts'
import { identityOfThisProcess, type ProcessIdentity } from '../src/spool/identity.ts'
import { EXPIRY_MILLIS, RENEWAL_MILLIS } from '../src/spool/lease.ts'
import type { Spool } from '../src/spool/spool.ts'
import { SpoolTakenError } from '../src/spool/spool-errors.ts'
import { FaultyFs } from './support/faulty-fs.ts'
import { bytes, contents, dead, FOREIGN, leftBy, openSpool, temporaryDirectory } from './support/spool-directory.ts'

const self = identityOfThisProcess()
const knowsProcesses = self.startTime !== null && self.boot !== null && self.pidNamespace !== null

afterEach(() => {
  vi.useRealTimers()
})

/** A spool of another process that has written, and one of ours that may claim it, under one clock. */
async function pair(identity = FOREIGN) {
  const clock = { now: Date.now() }
  const directory = temporaryDirectory()
  const now = (): number => clock.now
  const fs = new FaultyFs()
  const owner = await openSpool(directory, { now, identity, fs })
  await owner.write('open', bytes('theirs'), 1)
  const claimer = await openSpool(directory, { now })
  return { clock, directory, owner, claimer, fs }
}

/** A process of this machine, which is not ours, and lives until the end of the test. */
function living(): ProcessIdentity {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  return { ...self, pid: child.pid!, startTime: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]! }
}

const claimed = async (spool: Spool): Promise<string[]> => contents(await spool.claim())

describe('what a process of another host left', () => {
  it('is not claimed before its lease expires', async () => {
    const { clock, claimer } = await pair()
    clock.now += EXPIRY_MILLIS
    expect(await claimed(claimer)).toEqual([])
    clock.now += 1
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })

  it('is not claimed while the lease is renewed', async () => {
    const { clock, owner, claimer } = await pair()
    for (let i = 0; i < 10; i++) {
      clock.now += EXPIRY_MILLIS - 1
      await owner.renew()
      expect(await claimed(claimer)).toEqual([])
    }
    await owner.write('open', bytes('more'), 2)
    await owner.close()
    expect(await claimed(claimer)).toEqual(['open=more/2'])
  })

  it('is claimed at once when it was closed', async () => {
    const { owner, claimer } = await pair()
    await owner.close()
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })

  it('is claimed when its time is that of a clock that was set back since', async () => {
    const { clock, claimer } = await pair()
    clock.now -= EXPIRY_MILLIS + 1
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })
})

describe('the lease', () => {
  it('is renewed by itself', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { clock, claimer, owner, fs } = await pair()
    for (let i = 0; i < 10; i++) {
      clock.now += RENEWAL_MILLIS
      const renewed = new Promise<void>((resolve) => {
        fs.after = (name) => name === 'touch' && resolve()
      })
      vi.advanceTimersByTime(RENEWAL_MILLIS)
      await renewed
      await owner.write('open', bytes('theirs'), i)
    }
    expect(await claimed(claimer)).toEqual([])
    await owner.close()
  })

  it('is renewed on a full disk', async () => {
    const { clock, claimer, owner, fs } = await pair()
    fs.arm()
    clock.now += EXPIRY_MILLIS - 1
    await owner.renew()
    expect(fs.calls).toEqual(['touch'])
    clock.now += EXPIRY_MILLIS - 1
    expect(await claimed(claimer)).toEqual([])
  })

  it('that was renewed while it was being taken is given back', async () => {
    const clock = { now: Date.now() }
    const now = (): number => clock.now
    const directory = temporaryDirectory()
    const owner = await openSpool(directory, { now, identity: FOREIGN })
    await owner.write('open', bytes('theirs'), 1)
    const fs = new FaultyFs()
    const claimer = await openSpool(directory, { now, fs })
    clock.now += EXPIRY_MILLIS + 1
    fs.before = async (name, [path]) => {
      if (name === 'rename' && path === owner.path) await owner.renew()
    }
    expect(await claimed(claimer)).toEqual([])
    await owner.write('open', bytes('still theirs'), 2)
    expect(await leftBy(owner, directory)).toEqual(['open=still theirs/2'])
  })

  it('that cannot be renewed is reported, and tried again', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const fs = new FaultyFs()
    const problems: Error[] = []
    let spool: Spool | undefined
    const heard = new Promise<void>((resolve) => {
      const listen = (error: Error): void => {
        problems.push(error)
        resolve()
        throw new Error('a listener of the application')
      }
      openSpool(temporaryDirectory(), { fs, onProblem: listen }).then((opened) => {
        spool = opened
        fs.arm({ at: 0, when: 'before', code: 'EIO' })
        vi.advanceTimersByTime(RENEWAL_MILLIS)
      })
    })
    await heard
    expect(problems).toMatchObject([{ operation: 'touch', code: 'EIO' }])
    const renewed = new Promise<void>((resolve) => {
      fs.after = (name) => name === 'touch' && resolve()
    })
    await spool!.write('open', bytes('x'), 1)
    vi.advanceTimersByTime(RENEWAL_MILLIS)
    await renewed
  })
})

// Whether a pid is still the same process can be told from /proc only: elsewhere a lease has to run out.
const noProc = knowsProcesses ? undefined : 'there is no /proc, from which alone it can be told which process has a pid'
describeWhere(noProc, 'what a process of this machine left', () => {
  it('is claimed at once when no process has its pid', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    const { claimer } = await pair({ ...self, pid })
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })

  it('is claimed at once when its pid belongs to another process now', async () => {
    const { claimer } = await pair(dead(self))
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })

  it('is not claimed while it lives, however long ago it has renewed its lease', async () => {
    const { claimer, clock } = await pair(living())
    expect(await claimed(claimer)).toEqual([])
    clock.now += 100 * EXPIRY_MILLIS
    expect(await claimed(claimer)).toEqual([])
  })

  it('is claimed at once when it was closed, though the process lives', async () => {
    const { owner, claimer } = await pair(living())
    await owner.close()
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })

  it('has to wait for its lease where it is of a thread of ours, which may have ended', async () => {
    const { claimer, clock } = await pair(self)
    expect(await claimed(claimer)).toEqual([])
    clock.now += EXPIRY_MILLIS + 1
    expect(await claimed(claimer)).toEqual(['open=theirs/1'])
  })

  for (const other of [
    { boot: 'another' },
    { pidNamespace: 'another' },
    { host: 'another' },
    { boot: null },
  ] as const) {
    it(`has to wait for its lease where ${JSON.stringify(other)} makes its pid mean nothing here`, async () => {
      const { claimer, clock } = await pair({ ...dead(self), ...other })
      expect(await claimed(claimer)).toEqual([])
      clock.now += EXPIRY_MILLIS + 1
      expect(await claimed(claimer)).toEqual(['open=theirs/1'])
    })
  }
})

describe('a process that stood still and lost its directory', () => {
  async function robbed() {
    const all = await pair()
    await all.owner.write('sealed', bytes('theirs, too'), 1)
    all.clock.now += EXPIRY_MILLIS + 1
    expect(await all.claimer.claim()).toHaveLength(2)
    return all
  }
  const taken = { name: 'SpoolTakenError', slots: ['open', 'sealed'] }

  it('is told by its next call what went, once, and goes on in a fresh directory', async () => {
    for (const call of [
      (spool: Spool) => spool.write('open', bytes('mine'), 2),
      (spool: Spool) => spool.rename('open', 'later'),
      (spool: Spool) => spool.remove('open'),
      (spool: Spool) => spool.renew(),
      (spool: Spool) => spool.claim(),
      async (spool: Spool) => spool.writeSync('open', bytes('mine'), 2),
    ]) {
      const { owner, directory, claimer } = await robbed()
      await expect(call(owner)).rejects.toMatchObject(taken)
      await owner.write('open', bytes('mine'), 3)
      expect(await leftBy(owner, directory)).toEqual(['open=mine/3'])
      await claimer.close()
    }
  })

  it('may write synchronously at once', async () => {
    const { owner, directory } = await robbed()
    expect(() => owner.writeSync('open', bytes('mine'), 2)).toThrow(SpoolTakenError)
    owner.writeSync('open', bytes('mine'), 3)
    expect(await leftBy(owner, directory)).toEqual(['open=mine/3'])
  })

  it('is told when a renewal has found out, too', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const problems: Error[] = []
    const clock = { now: Date.now() }
    const now = (): number => clock.now
    const directory = temporaryDirectory()
    const heard = new Promise<void>((resolve) => {
      const onProblem = (error: Error): void => {
        problems.push(error)
        resolve()
      }
      openSpool(directory, { now, identity: FOREIGN, onProblem }).then(async (owner) => {
        await owner.write('open', bytes('theirs'), 1)
        clock.now += EXPIRY_MILLIS + 1
        await (await openSpool(directory, { now })).claim()
        spool = owner
        vi.advanceTimersByTime(RENEWAL_MILLIS)
      })
    })
    let spool: Spool | undefined
    await heard
    expect(problems).toMatchObject([{ name: 'SpoolTakenError', slots: ['open'] }])
    await expect(spool!.write('open', bytes('mine'), 2)).rejects.toThrow(SpoolTakenError)
    await spool!.write('open', bytes('mine'), 3)
    await spool!.close()
  })

  it('has lost what it had claimed itself, too', async () => {
    const clock = { now: Date.now() }
    const directory = temporaryDirectory()
    const now = (): number => clock.now
    const oldest = await openSpool(directory, { now, identity: FOREIGN })
    await oldest.write('open', bytes('oldest'), 1)
    await oldest.close()
    const stalled = await openSpool(directory, { now, identity: FOREIGN })
    const [entry] = await stalled.claim()
    clock.now += EXPIRY_MILLIS + 1
    expect(await claimed(await openSpool(directory, { now }))).toEqual(['open=oldest/1'])
    await expect(entry!.read()).rejects.toThrow(SpoolTakenError)
    await expect(entry!.remove()).rejects.toThrow(SpoolTakenError)
  })

  it('closes without complaint', async () => {
    const { owner } = await robbed()
    await owner.close()
  })
})

describe('a spool that is closed', () => {
  it('takes its directory along when nothing is in it', async () => {
    const spool = await openSpool(temporaryDirectory())
    await spool.write('open', bytes('x'), 1)
    await spool.remove('open')
    const { path } = spool
    await spool.close()
    expect(existsSync(path)).toBe(false)
  })

  it('waits for what is under way and refuses what comes later', async () => {
    const directory = temporaryDirectory()
    const spool = await openSpool(directory)
    const writing = spool.write('open', bytes('x'), 1)
    const closing = spool.close()
    expect(spool.close()).toBe(closing)
    await expect(spool.write('open', bytes('late'), 2)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => spool.writeSync('open', bytes('late'), 2)).toThrow('closed')
    await writing
    expect(await leftBy(spool, directory)).toEqual(['open=x/1'])
  })
})
