import { basename, join } from 'node:path'
import { readRegularFile } from './durable-file.ts'
import { isIncarnation, isSetAside, parseEntryFileName, unreadableName } from './file-names.ts'
import type { Incarnation } from './incarnation.ts'
import { leaseTime, standingOf } from './lease.ts'
import { codeOf } from './spool-errors.ts'
import { decodePreamble, isNewer, PREAMBLE_BYTES } from './spool-format.ts'
import { attempt, call, type Steps } from './steps.ts'

/** The directories of other incarnations beside ours, the oldest first. */
export function* othersBeside({ parent, path }: Incarnation): Steps<string[]> {
  const names = yield* call('readdir', parent)
  return names.filter((name) => isIncarnation(name) && name !== basename(path)).sort()
}

export type Takeover =
  | { readonly type: 'taken' | 'held' }
  /** Nobody works there, but an entry is of a newer format: how many. */
  | { readonly type: 'newer'; readonly files: number }

/**
 * Moves the directory of another incarnation into ours, if nobody works in it. A rename is atomic, so of several who try
 * only one succeeds, and the files are under our lease from that moment, also if we die in the next.
 *
 * A directory with an entry of a newer format is left where it is, whole: one process has to replay an incarnation, in its
 * order, and that has to be one that understands all of it.
 *
 * INVARIANT: what is taken because its lease ran out is given back if the lease was renewed before it was taken. So a
 * process whose renewal succeeds still has everything, for EXPIRY_MILLIS from then.
 */
export function* takeOver(into: Incarnation, name: string, now: number, hasJumped: boolean): Steps<Takeover> {
  const from = join(into.parent, name)
  const to = join(into.path, name)
  try {
    if ((yield* call('lstat', from)).kind !== 'directory') return { type: 'held' }
    const standing = yield* standingOf(from, into.identity, now, hasJumped)
    if (standing.type === 'held') return { type: 'held' }
    const files = yield* countNewer(from)
    if (files > 0) return { type: 'newer', files }
    yield* call('rename', from, to)
    if (standing.type !== 'expired' || (yield* leaseTime(to)) === standing.renewed) return { type: 'taken' }
    yield* call('rename', to, from)
    return { type: 'held' }
  } catch (error) {
    // Another process was faster. (Or it is our own directory that is gone: the caller finds out.)
    if (codeOf(error) === 'ENOENT' && !(yield* into.isGone())) return { type: 'held' }
    throw error
  }
}

function* countNewer(directory: string): Steps<number> {
  let newer = 0
  for (const name of yield* call('readdir', directory)) {
    const path = join(directory, name)
    if (isIncarnation(name)) {
      if ((yield* call('lstat', path)).kind === 'directory') newer += yield* countNewer(path)
    } else if (parseEntryFileName(name) !== undefined) {
      if (yield* isOfNewerFormat(path)) newer++
    }
  }
  return newer
}

/** What cannot be read now must not keep the rest of its directory from being claimed: it counts as not newer. */
function* isOfNewerFormat(path: string): Steps<boolean> {
  try {
    const preamble = decodePreamble((yield* readRegularFile(path, PREAMBLE_BYTES)) ?? new Uint8Array())
    return preamble.type === 'version' && isNewer(preamble.version)
  } catch {
    return false
  }
}

/**
 * What the dead had claimed and not finished lies within their directories. It moves up, so that directories never nest
 * deeper, however many processes die one after the other.
 *
 * @returns the directories that are ours now, the oldest first
 */
export function* flatten(incarnation: Incarnation): Steps<string[]> {
  const flat: string[] = []
  const toLookInto = (yield* call('readdir', incarnation.path)).filter(isIncarnation)
  for (let name = toLookInto.pop(); name !== undefined; name = toLookInto.pop()) {
    const path = join(incarnation.path, name)
    if ((yield* call('lstat', path)).kind !== 'directory') continue
    flat.push(name)
    for (const nested of (yield* call('readdir', path)).filter(isIncarnation)) {
      yield* call('rename', join(path, nested), join(incarnation.path, nested))
      toLookInto.push(nested)
    }
  }
  return flat.sort()
}

/**
 * Moves what cannot be read out of the way, beside the incarnations, for somebody to look at. Only so many bytes of it
 * are kept: the oldest go, but never the one that was just found.
 *
 * @returns the path where it is now
 */
export function* setAside(incarnation: Incarnation, from: string, name: string, maxBytes: number): Steps<string> {
  const kept = unreadableName(from, name)
  const keptPath = join(incarnation.parent, kept)
  try {
    yield* call('rename', join(incarnation.path, from, name), keptPath)
  } catch (error) {
    // A call that nobody waited for any longer may have done it before.
    if (codeOf(error) !== 'ENOENT' || (yield* incarnation.isGone())) throw error
  }
  yield* attempt(limitSetAside(incarnation, kept, maxBytes))
  return keptPath
}

function* limitSetAside(incarnation: Incarnation, kept: string, maxBytes: number): Steps<void> {
  const sizes: { path: string; size: number }[] = []
  for (const each of (yield* call('readdir', incarnation.parent)).filter(isSetAside).sort()) {
    if (each === kept) continue
    const path = join(incarnation.parent, each)
    sizes.push({ path, size: (yield* call('lstat', path)).size })
  }
  let total = sizes.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of sizes) {
    if (total <= maxBytes) return
    if (yield* attempt(call('unlink', path))) total -= size
  }
}
