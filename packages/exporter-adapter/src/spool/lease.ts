import { join } from 'node:path'
import { readRegularFile, writeNewFile } from './durable-file.ts'
import { lifeOf, type ProcessIdentity } from './identity.ts'
import { codeOf } from './spool-errors.ts'
import { call, type Steps } from './steps.ts'

/**
 * A lease is a file in the directory that it protects. It says who holds it; when it was renewed last is its time of
 * modification. So a renewal is one call that needs no space and works on a full disk, and it fails when the directory was
 * taken away. It need not survive a power cut, which its holder does not survive either.
 *
 * Hosts that share a directory are assumed to agree on the time within EXPIRY - RENEWAL. Where they do not, the living are
 * taken for dead, notice it and go on elsewhere: nothing is lost. A process of the same machine that is certainly alive
 * keeps what it has, however long it stands still. Whoever sees its own clock jump lets everybody renew before it judges by
 * time again (see wall-jumps.ts); one that starts right after a jump has not seen it.
 */

/** Renewals may be late by five of these before anyone takes the process for dead: a long pause, a slow disk. */
export const RENEWAL_MILLIS = 10_000
/** How long what a process has left behind has to wait where nobody can tell at once that it is dead (see identity.ts). */
export const EXPIRY_MILLIS = 60_000

/** The time of a lease that its holder has ended. */
const ENDED = 0

const FILE_NAME = 'lease'
const MAX_BYTES = 4096

export const isLeaseFile = (name: string): boolean => name === FILE_NAME

export function* takeLease(directory: string, holder: ProcessIdentity, now: number): Steps<void> {
  const path = join(directory, FILE_NAME)
  const content = [Buffer.from(JSON.stringify(holder))]
  try {
    yield* writeNewFile(path, content)
  } catch (error) {
    // Left by an earlier attempt of ours that failed half-way: nobody else makes files in a directory of this name. It may
    // say nothing, and then nobody could tell that we are dead.
    if (codeOf(error) !== 'EEXIST') throw error
    yield* removeLease(directory)
    yield* writeNewFile(path, content)
  }
  yield* renewLease(directory, now)
}

/** Fails with ENOENT when the directory was taken away. */
export function* renewLease(directory: string, now: number): Steps<void> {
  yield* call('touch', join(directory, FILE_NAME), now)
}

/** Lets others have what is in the directory, at once. */
export function* endLease(directory: string): Steps<void> {
  yield* call('touch', join(directory, FILE_NAME), ENDED)
}

export function* removeLease(directory: string): Steps<void> {
  yield* call('unlink', join(directory, FILE_NAME))
}

/** Milliseconds since the epoch; `undefined` where there is no lease. */
export function* leaseTime(directory: string): Steps<number | undefined> {
  try {
    return (yield* call('lstat', join(directory, FILE_NAME))).modified
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * - `held`: somebody works in the directory, as far as anyone can tell.
 * - `dead`: its holder is certainly dead.
 * - `expired`: not renewed since `renewed`.
 */
export type Standing =
  | { readonly type: 'held' | 'dead' }
  | { readonly type: 'expired'; readonly renewed: number | undefined }

/** @param hasJumped whether the clock has, so that only a lease that was ended says that nobody is there */
export function* standingOf(
  directory: string,
  self: ProcessIdentity,
  now: number,
  hasJumped: boolean,
): Steps<Standing> {
  const renewed = yield* leaseTime(directory)
  // A process that dies before it has its lease leaves a directory without one.
  const lastSeen = renewed ?? (yield* call('lstat', directory)).modified
  const holder = renewed === ENDED ? undefined : yield* readHolder(directory)
  const life = holder === undefined ? 'unknown' : yield* lifeOf(holder, self)
  if (life === 'dead') return { type: 'dead' }
  // It may have been stopped, or suspended with the whole machine, and will find everything where it was.
  if (life === 'alive' || (hasJumped && renewed !== ENDED)) return { type: 'held' }
  // A time ahead of us by that much is that of a clock that was set back; a living process would have renewed it since.
  return Math.abs(now - lastSeen) > EXPIRY_MILLIS ? { type: 'expired', renewed } : { type: 'held' }
}

/** `undefined` where it cannot be told: then only the time counts. */
function* readHolder(directory: string): Steps<ProcessIdentity | undefined> {
  try {
    const bytes = yield* readRegularFile(join(directory, FILE_NAME), MAX_BYTES)
    const holder: unknown = JSON.parse(Buffer.from(bytes ?? []).toString())
    return isIdentity(holder) ? holder : undefined
  } catch {
    return undefined
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  const { host, boot, pidNamespace, pid, startTime } = (value ?? {}) as Partial<ProcessIdentity>
  return (
    typeof host === 'string' &&
    [boot, pidNamespace, startTime].every((each) => each === null || typeof each === 'string') &&
    Number.isInteger(pid) &&
    pid! > 0
  )
}
