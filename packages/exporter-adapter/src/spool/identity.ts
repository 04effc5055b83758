import { constants, readFileSync, readlinkSync } from 'node:fs'

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

/** Blocking, as it may be asked for at the end of the process: these files are not on any disk. */
export function identityOfThisProcess(): ProcessIdentity {
  const told = (ask: () => string): string | null => {
    try {
      return ask().trim()
    } catch {
      return null
    }
  }
  const stat = told(() => readFileSync('/proc/self/stat', 'latin1'))
  return {
    host: hostname(),
    boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')),
    pidNamespace: told(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    startTime: (stat === null ? undefined : parseStat(stat))?.startTime ?? null,
  }
}

/**
 * - `dead`: certainly, as seen from `self`: no process has that pid, or one that started at another time, or one that has
 *   ended and was not waited for.
 * - `alive`: certainly, and another process than `self`, whose threads may have ended all the same.
 * - `unknown`: it is on another host, in another boot or pid namespace, or this system does not tell.
 */
export type Life = 'dead' | 'alive' | 'unknown'

export function* lifeOf(other: ProcessIdentity, self: ProcessIdentity): Steps<Life> {
  const known = [other.boot, other.pidNamespace, other.startTime].every((each) => each !== null)
  const sameWorld = other.host === self.host && other.boot === self.boot && other.pidNamespace === self.pidNamespace
  if (!known || !sameWorld) return 'unknown'
  try {
    process.kill(other.pid, 0)
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (codeOf(error) === 'ESRCH') return 'dead'
  }
  let stat: ReturnType<typeof parseStat>
  try {
    stat = parseStat(yield* readProcFile(`/proc/${other.pid}/stat`))
  } catch {
    // It may have ended in between, or be hidden from us (hidepid).
  }
  if (stat === undefined) return 'unknown'
  if (stat.startTime !== other.startTime || stat.state === 'Z' || stat.state === 'X') return 'dead'
  return other.pid === self.pid ? 'unknown' : 'alive'
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
