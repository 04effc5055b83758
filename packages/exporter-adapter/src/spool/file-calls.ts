import fs from 'node:fs'
import { promisify } from 'node:util'

/** A file that was opened; the path is there for messages. */
export interface OpenFile {
  readonly path: string
  readonly fd: number
}

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other'
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modified: number
  /** Permission bits. */
  readonly mode: number
}

/** Everything the spool asks of a file system, one system call each. The first argument says what an error is about. */
export interface FileCalls {
  /** `flags` as in `fs.constants`; `mode` is for a file that is created. */
  open(path: string, flags: number, mode: number): OpenFile
  /** Writes at the file's position and returns how many bytes, which may be fewer. */
  write(file: OpenFile, bytes: Uint8Array): number
  /** Reads at the file's position and returns how many bytes; 0 at the end. */
  read(file: OpenFile, into: Uint8Array): number
  fsync(file: OpenFile): void
  close(file: OpenFile): void
  fstat(file: OpenFile): FileStatus
  lstat(path: string): FileStatus
  readdir(path: string): string[]
  /** Not recursive; rejects where there is something. */
  mkdir(path: string, mode: number): void
  chmod(path: string, mode: number): void
  rename(path: string, to: string): void
  unlink(path: string): void
  rmdir(path: string): void
  /** Sets the time of modification, in milliseconds since the epoch. */
  touch(path: string, millis: number): void
}

export type AwaitedFileCalls = {
  readonly [K in keyof FileCalls]: (...args: Parameters<FileCalls[K]>) => Promise<ReturnType<FileCalls[K]>>
}

/** The same calls twice: those that wait in libuv's threads, and those that block. Tests inject faults here. */
export interface SpoolFs {
  readonly awaited: AwaitedFileCalls
  readonly blocking: FileCalls
}

const later = {
  open: promisify(fs.open),
  fsync: promisify(fs.fsync),
  close: promisify(fs.close),
  fstat: promisify(fs.fstat),
  write: (fd: number, bytes: Uint8Array): Promise<number> =>
    new Promise((resolve, reject) => {
      fs.write(fd, bytes, 0, bytes.length, null, (error, written) => (error ? reject(error) : resolve(written)))
    }),
  read: (fd: number, into: Uint8Array): Promise<number> =>
    new Promise((resolve, reject) => {
      fs.read(fd, into, 0, into.length, null, (error, count) => (error ? reject(error) : resolve(count)))
    }),
}

export const nodeFs: SpoolFs = {
  awaited: {
    open: async (path, flags, mode) => ({ path, fd: await later.open(path, flags, mode) }),
    write: ({ fd }, bytes) => later.write(fd, bytes),
    read: ({ fd }, into) => later.read(fd, into),
    fsync: ({ fd }) => later.fsync(fd),
    close: ({ fd }) => later.close(fd),
    fstat: async ({ fd }) => statusOf(await later.fstat(fd)),
    lstat: async (path) => statusOf(await fs.promises.lstat(path)),
    readdir: (path) => fs.promises.readdir(path),
    mkdir: async (path, mode) => void (await fs.promises.mkdir(path, { mode })),
    chmod: (path, mode) => fs.promises.chmod(path, mode),
    rename: (path, to) => fs.promises.rename(path, to),
    unlink: (path) => fs.promises.unlink(path),
    rmdir: (path) => fs.promises.rmdir(path),
    touch: (path, millis) => fs.promises.utimes(path, millis / 1000, millis / 1000),
  },
  blocking: {
    open: (path, flags, mode) => ({ path, fd: fs.openSync(path, flags, mode) }),
    write: ({ fd }, bytes) => fs.writeSync(fd, bytes),
    read: ({ fd }, into) => fs.readSync(fd, into),
    fsync: ({ fd }) => fs.fsyncSync(fd),
    close: ({ fd }) => fs.closeSync(fd),
    fstat: ({ fd }) => statusOf(fs.fstatSync(fd)),
    lstat: (path) => statusOf(fs.lstatSync(path)),
    readdir: (path) => fs.readdirSync(path),
    mkdir: (path, mode) => void fs.mkdirSync(path, { mode }),
    chmod: (path, mode) => fs.chmodSync(path, mode),
    rename: (path, to) => fs.renameSync(path, to),
    unlink: (path) => fs.unlinkSync(path),
    rmdir: (path) => fs.rmdirSync(path),
    touch: (path, millis) => fs.utimesSync(path, millis / 1000, millis / 1000),
  },
}

function statusOf(stats: fs.Stats): FileStatus {
  return {
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'other',
    size: stats.size,
    modified: stats.mtimeMs,
    mode: stats.mode & 0o777,
  }
}
