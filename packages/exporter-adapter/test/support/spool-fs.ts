import { constants, existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { spoolsInUse } from '../../src/push/spools-in-use.ts'
import { type AwaitedFileCalls, type FileCalls, nodeFs, type SpoolFs } from '../../src/spool/file-calls.ts'
import { Spool } from '../../src/spool/spool.ts'
import type { SpoolOptions } from '../../src/spool/spool-options.ts'

/**
 * What is wrong with the disk. `hangs`: no call is answered before it is well again. `takesNames`: it is full, but for the
 * names of new files and directories. `flaky`: every third call fails. `readOnce`: a parcel can be read once, and not again. `keepsProgress`: what has
 * been written of the progress of a parcel cannot be removed. `renamesUnsynced`: directories cannot be synchronised, and nothing
 * can be removed.
 */
export type DiskFault =
  | 'renamesUnsynced'
  | 'well'
  | 'hangs'
  | 'full'
  | 'takesNames'
  | 'readOnly'
  | 'broken'
  | 'flaky'
  | 'readOnce'
  | 'keepsProgress'

const CHANGING = new Set(['mkdir', 'rename', 'unlink', 'rmdir', 'chmod', 'touch'])

/**
 * The files of one process, with faults that the test decides. Each call is done before anything else happens, so that fake
 * time need not wait for it. A process that is dead gets no answer any more.
 */
export class ProcessFs implements SpoolFs {
  /** Calls that are not answered, at most at once. */
  mostHanging = 0
  #hanging: (() => void)[] = []
  #fault: DiskFault = 'well'
  readonly #opened = new Set<string>()
  isDead = false
  calls = 0
  /** The process dies instead of making this call. */
  diesAtCall = Number.POSITIVE_INFINITY
  /** Or this one. */
  diesInsteadOf: (name: keyof FileCalls, args: readonly unknown[]) => boolean = () => false
  onDeath: () => void = () => {}
  readonly blocking: FileCalls
  readonly awaited = Object.fromEntries(
    Object.keys(nodeFs.blocking).map((name) => [
      name,
      (...args: readonly unknown[]) => this.#make(name as keyof FileCalls, args),
    ]),
  ) as unknown as AwaitedFileCalls

  /** @param disk Default: the real one */
  constructor(disk: FileCalls = nodeFs.blocking) {
    this.blocking = disk
  }

  get fault(): DiskFault {
    return this.#fault
  }

  set fault(fault: DiskFault) {
    this.#fault = fault
    if (fault === 'hangs') return
    for (const goOn of this.#hanging) goOn()
    this.#hanging = []
  }

  async #make(name: keyof FileCalls, args: readonly unknown[]): Promise<unknown> {
    if (!this.isDead && (this.calls === this.diesAtCall || this.diesInsteadOf(name, args))) this.onDeath()
    if (this.isDead) return new Promise(() => {})
    if (this.fault === 'hangs') {
      await new Promise<void>((goOn) => {
        this.mostHanging = Math.max(this.mostHanging, this.#hanging.push(goOn))
      })
      if (this.isDead) return new Promise(() => {})
    }
    this.calls++
    const code = this.#errorOf(name, args)
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${name}`), { code })
    const result = (this.blocking[name] as (...args: readonly unknown[]) => unknown)(...args)
    if (this.blocking === nodeFs.blocking && isChange(name, args) && name !== 'touch')
      setTimes(args.filter((each) => typeof each === 'string'))
    return result
  }

  #errorOf(name: keyof FileCalls, args: readonly unknown[]): string | undefined {
    if (name === 'close') return undefined
    if (this.fault === 'full') return name === 'write' || name === 'mkdir' ? 'ENOSPC' : undefined
    if (this.fault === 'takesNames') return name === 'write' ? 'ENOSPC' : undefined
    if (this.fault === 'readOnly') return isChange(name, args) ? 'EROFS' : undefined
    if (this.fault === 'broken') return 'EIO'
    if (this.fault === 'readOnce' && name === 'open' && !isChange(name, args) && isOfParcel(String(args[0]))) {
      const path = String(args[0])
      if (this.#opened.has(path)) return 'EIO'
      this.#opened.add(path)
    }
    if (this.fault === 'keepsProgress')
      return name === 'unlink' && String(args[0]).includes('progress') ? 'EIO' : undefined
    if (this.fault === 'renamesUnsynced') {
      const isOfDirectory = name === 'open' && !isChange(name, args) && (Number(args[1]) & constants.O_DIRECTORY) !== 0
      return name === 'unlink' || isOfDirectory ? 'EIO' : undefined
    }
    if (this.fault === 'flaky') return this.calls % 3 === 0 ? 'EIO' : undefined
    return undefined
  }
}

function isChange(name: keyof FileCalls, [, flags]: readonly unknown[]): boolean {
  return CHANGING.has(name) || (name === 'open' && (Number(flags) & constants.O_CREAT) !== 0)
}

/** By the name of its slot. */
function isOfParcel(path: string): boolean {
  return /open|sealed|cumulative/.test(basename(path))
}

/** A real file system knows nothing of fake time. */
function setTimes(paths: readonly string[]): void {
  const seconds = Date.now() / 1000
  for (const path of paths.flatMap((each) => [each, dirname(each)]))
    if (existsSync(path)) utimesSync(path, seconds, seconds)
}

/** Before any test has changed it. */
const unopened = Spool.unopened.bind(Spool)

/** Lets every spool that is opened from now on, up to the end of the test, use the files and identity that `host` says; the latest counts. */
export function openSpoolsWith(host: () => Pick<SpoolOptions, 'fs' | 'identity'>): void {
  vi.spyOn(Spool, 'unopened').mockImplementation((options) => unopened({ ...options, ...host() }))
}

/** Whoever has spooled in this process is dead: what comes is another one. */
export function forgetLivingSpools(): void {
  spoolsInUse.clear()
}

/** Of a process that everybody takes for dead, as it will be when the next one looks. */
export const deadIdentity = (n: number) => ({
  host: 'test',
  boot: 'test',
  pidNamespace: 'test',
  pid: 2 ** 30 + n,
  startTime: '1',
})

/** An empty folder, in memory where there is such a place, gone at the end of the test. */
export function directoryOfThisTest(): string {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
