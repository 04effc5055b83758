import { constants } from 'node:fs'
import { dirname } from 'node:path'
import type { FileStatus } from './file-calls.ts'
import { codeOf, SpoolError } from './spool-errors.ts'
import { call, type Steps } from './steps.ts'

/** The owner alone. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** Windows has neither links to refuse this way nor files that block when they are opened. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
const NO_WAIT = constants.O_NONBLOCK ?? 0

/** A new file with these bytes, on the disk when it returns. What has the name already makes it fail, also a link. */
export function* writeNewFile(path: string, parts: readonly Uint8Array[]): Steps<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW
  const file = yield* call('open', path, flags, FILE_MODE)
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length; ) {
        const written = yield* call('write', file, part.subarray(at))
        if (written === 0) throw new SpoolError('write', path, 'the file system takes no more', { code: 'ENOSPC' })
        at += written
      }
    }
    yield* call('fsync', file)
  } finally {
    yield* call('close', file)
  }
}

/** Up to `limit` bytes from the start of a regular file; `undefined` if it is anything else, such as a link or a pipe. */
export function* readRegularFile(path: string, limit: number): Steps<Uint8Array | undefined> {
  let file: { path: string; fd: number }
  try {
    file = yield* call('open', path, constants.O_RDONLY | NO_FOLLOW | NO_WAIT, 0)
  } catch (error) {
    if (LINK_REFUSED.has(codeOf(error) ?? '')) return undefined
    throw error
  }
  try {
    const status: FileStatus = yield* call('fstat', file)
    if (status.kind !== 'file') return undefined
    const bytes = Buffer.allocUnsafe(Math.min(status.size, limit))
    let length = 0
    while (length < bytes.length) {
      const count = yield* call('read', file, bytes.subarray(length))
      if (count === 0) break
      length += count
    }
    return bytes.subarray(0, length)
  } finally {
    yield* call('close', file)
  }
}

/** What O_NOFOLLOW and O_NONBLOCK answer to links and sockets, on the various systems. */
const LINK_REFUSED = new Set(['ELOOP', 'EMLINK', 'EFTYPE', 'ENXIO'])

/**
 * Makes durable what was created, renamed and unlinked in a directory. Windows has no such call and needs none; some
 * network file systems have none and answer EINVAL.
 */
export function* syncDirectory(path: string): Steps<void> {
  if (process.platform === 'win32') return
  const directory = yield* call('open', path, constants.O_RDONLY | constants.O_DIRECTORY, 0)
  try {
    yield* call('fsync', directory)
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error
  } finally {
    yield* call('close', directory)
  }
}

/** The directory and all above it that is missing, durably, for the owner alone. What exists keeps its mode. */
export function* makeDirectory(path: string): Steps<void> {
  try {
    if (yield* makeOne(path)) yield* syncParent(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    yield* makeDirectory(dirname(path))
    if (yield* makeOne(path)) yield* syncParent(path)
  }
}

function* makeOne(path: string): Steps<boolean> {
  try {
    yield* call('mkdir', path, DIRECTORY_MODE)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** A directory one may write in but not read cannot be synchronised; that must not keep the spool from its work. */
function* syncParent(path: string): Steps<void> {
  try {
    yield* syncDirectory(dirname(path))
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error
  }
}

/** @throws SpoolError where there is something else than a directory, such as a link to one */
export function* requireDirectory(path: string): Steps<FileStatus> {
  const status = yield* call('lstat', path)
  if (status.kind !== 'directory') {
    const what = status.kind === 'symlink' ? 'a symbolic link, which the spool does not follow' : 'not a directory'
    throw new SpoolError('open', path, `it is ${what}`, { code: 'ENOTDIR' })
  }
  return status
}

/** Closes a directory to everybody but its owner. */
export function* requirePrivateDirectory(path: string): Steps<void> {
  const { mode } = yield* requireDirectory(path)
  if (process.platform !== 'win32' && mode !== DIRECTORY_MODE) yield* call('chmod', path, DIRECTORY_MODE)
}
