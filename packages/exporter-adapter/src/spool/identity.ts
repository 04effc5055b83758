import { constants } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { codeOf } from './spool-errors.ts'
import { call, type Steps } from './steps.ts'

/**
 * Which process this is, in a way that another process can tell whether it is dead. A pid alone says nothing: another
 * host, another container and, after a while, another process have the same. `null` is what this system does not tell.
 */
export interface ProcessIdentity {
  readonly host: string
  /** Changes when the machine is started. */
  readonly boot: string | null
  /** Pids are unique within it. Its number is reused only when every process of it is dead. */
  readonly pidNamespace: string | null
  readonly pid: number
  /** In clock ticks since the boot. */
  readonly startTime: string | null
}

export async function identityOfThisProcess(): Promise<ProcessIdentity> {
  const told = (answer: Promise<string>): Promise<string | null> => answer.then((text) => text.trim()).catch(() => null)
  const [boot, pidNamespace, stat] = await Promise.all([
    told(readFile('/proc/sys/kernel/random/boot_id', 'latin1')),
    told(readlink('/proc/self/ns/pid')),
    told(readFile('/proc/self/stat', 'latin1')),
  ])
  const startTime = (stat === null ? undefined : parseStat(stat))?.startTime ?? null
  return { host: hostname(), boot, pidNamespace, pid: process.pid, startTime }
}

/**
 * Whether `other` is certainly dead, as seen from `self`. Certain are only processes of the same host, boot and pid
 * namespace: no process has that pid, or one that started at another time, or one that has ended and was not waited for.
 */
export function* isKnownDead(other: ProcessIdentity, self: ProcessIdentity): Steps<boolean> {
  const known = [other.boot, other.pidNamespace, other.startTime].every((each) => each !== null)
  const sameWorld = other.host === self.host && other.boot === self.boot && other.pidNamespace === self.pidNamespace
  if (!known || !sameWorld) return false
  try {
    process.kill(other.pid, 0)
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (codeOf(error) === 'ESRCH') return true
  }
  let stat: ReturnType<typeof parseStat>
  try {
    stat = parseStat(yield* readProcFile(`/proc/${other.pid}/stat`))
  } catch {
    // It may have ended in between, or be hidden from us (hidepid). The lease will tell.
    return false
  }
  return stat !== undefined && (stat.startTime !== other.startTime || stat.state === 'Z' || stat.state === 'X')
}

/** The fields 3 and 22 of proc(5) stat. The second, the name, may contain blanks and parentheses. */
function parseStat(stat: string): { state: string; startTime: string } | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  return state === undefined || startTime === undefined ? undefined : { state, startTime }
}

/** Files of proc(5) have no size. This one fits into a page. */
function* readProcFile(path: string): Steps<string> {
  const page = Buffer.alloc(4096)
  const file = yield* call('open', path, constants.O_RDONLY, 0)
  try {
    const length = yield* call('read', file, page)
    return page.toString('latin1', 0, length)
  } finally {
    yield* call('close', file)
  }
}
