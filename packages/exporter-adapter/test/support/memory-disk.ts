import { constants } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { FileCalls, FileStatus, OpenFile } from '../../src/spool/file-calls.ts'

interface FileNode {
  readonly kind: 'file'
  bytes: Uint8Array
  /** What of `bytes` a power cut leaves: nothing of what was not synchronised. */
  durable: Uint8Array
  modified: number
  mode: number
}

interface DirectoryNode {
  readonly kind: 'directory'
  readonly entries: Map<string, Node>
  modified: number
  mode: number
}

type Node = FileNode | DirectoryNode

/** A change of names, and how it is undone. */
interface Change {
  readonly of: readonly DirectoryNode[]
  undo(): void
}

const NOTHING = new Uint8Array()

/**
 * A disk in memory that answers as a POSIX file system does (the-disk-in-memory-is-like-a-real-one.test.ts), in the time
 * of the test. Unlike a real one it can lose its power: then content that was not synchronised is gone, and so are the
 * latest changes of names, in the order in which a journal would have written them.
 */
export class MemoryDisk implements FileCalls {
  readonly #root: DirectoryNode = directoryNode(0o755)
  readonly #open = new Map<number, { readonly node: Node; at: number }>()
  /** Those that no synchronisation has made durable, oldest first. */
  #journal: Change[] = []
  #nextFd = 3

  open(path: string, flags: number, mode: number): OpenFile {
    const parent = this.#directory('open', dirname(path))
    const name = basename(path)
    let node: Node | undefined = name === '' ? this.#root : parent.entries.get(name)
    if ((flags & constants.O_CREAT) !== 0) {
      if (node !== undefined && (flags & constants.O_EXCL) !== 0) throw failure('EEXIST', 'open', path)
      if (node === undefined) {
        node = { kind: 'file', bytes: NOTHING, durable: NOTHING, modified: Date.now(), mode }
        this.#set(parent, name, node)
      }
    }
    if (node === undefined) throw failure('ENOENT', 'open', path)
    const writes = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0
    if (node.kind === 'directory' && writes) throw failure('EISDIR', 'open', path)
    if (node.kind === 'file' && (flags & constants.O_DIRECTORY) !== 0) throw failure('ENOTDIR', 'open', path)
    const fd = this.#nextFd++
    this.#open.set(fd, { node, at: 0 })
    return { path, fd }
  }

  write(file: OpenFile, bytes: Uint8Array): number {
    const opened = this.#opened('write', file)
    const node = opened.node as FileNode
    const longer = new Uint8Array(Math.max(node.bytes.length, opened.at + bytes.length))
    longer.set(node.bytes)
    longer.set(bytes, opened.at)
    node.bytes = longer
    node.modified = Date.now()
    opened.at += bytes.length
    return bytes.length
  }

  read(file: OpenFile, into: Uint8Array): number {
    const opened = this.#opened('read', file)
    if (opened.node.kind === 'directory') throw failure('EISDIR', 'read', file.path)
    const part = opened.node.bytes.subarray(opened.at, opened.at + into.length)
    into.set(part)
    opened.at += part.length
    return part.length
  }

  fsync(file: OpenFile): void {
    const { node } = this.#opened('fsync', file)
    if (node.kind === 'file') node.durable = node.bytes
    else this.#journal = this.#journal.slice(1 + this.#journal.findLastIndex(({ of }) => of.includes(node)))
  }

  close(file: OpenFile): void {
    this.#opened('close', file)
    this.#open.delete(file.fd)
  }

  fstat(file: OpenFile): FileStatus {
    return statusOf(this.#opened('fstat', file).node)
  }

  lstat(path: string): FileStatus {
    return statusOf(this.#node('lstat', path))
  }

  readdir(path: string): string[] {
    return [...this.#directory('scandir', path).entries.keys()]
  }

  mkdir(path: string, mode: number): void {
    const parent = this.#directory('mkdir', dirname(path))
    if (basename(path) === '' || parent.entries.has(basename(path))) throw failure('EEXIST', 'mkdir', path)
    this.#set(parent, basename(path), directoryNode(mode))
  }

  chmod(path: string, mode: number): void {
    this.#node('chmod', path).mode = mode
  }

  rename(path: string, to: string): void {
    const from = this.#directory('rename', dirname(path))
    const into = this.#directory('rename', dirname(to))
    const node = this.#node('rename', path)
    const old = into.entries.get(basename(to))
    if (old === node) return
    if (node.kind === 'directory' && (into === node || `${dirname(to)}/`.startsWith(`${path}/`)))
      throw failure('EINVAL', 'rename', path)
    if (path.startsWith(`${to}/`)) throw failure('ENOTEMPTY', 'rename', path)
    if (old?.kind === 'directory') {
      if (node.kind === 'file') throw failure('EISDIR', 'rename', path)
      if (old.entries.size > 0) throw failure('ENOTEMPTY', 'rename', path)
    } else if (old !== undefined && node.kind === 'directory') throw failure('ENOTDIR', 'rename', path)
    from.entries.delete(basename(path))
    into.entries.set(basename(to), node)
    from.modified = into.modified = Date.now()
    this.#journal.push({
      of: [from, into],
      undo: () => {
        if (old === undefined) into.entries.delete(basename(to))
        else into.entries.set(basename(to), old)
        from.entries.set(basename(path), node)
      },
    })
  }

  unlink(path: string): void {
    if (this.#node('unlink', path).kind === 'directory') throw failure('EISDIR', 'unlink', path)
    this.#set(this.#directory('unlink', dirname(path)), basename(path), undefined)
  }

  rmdir(path: string): void {
    const node = this.#node('rmdir', path)
    if (node.kind === 'file') throw failure('ENOTDIR', 'rmdir', path)
    if (node.entries.size > 0) throw failure('ENOTEMPTY', 'rmdir', path)
    this.#set(this.#directory('rmdir', dirname(path)), basename(path), undefined)
  }

  touch(path: string, millis: number): void {
    this.#node('utime', path).modified = millis
  }

  /**
   * What is left of everything that was not synchronised: no content, and of the changes of names the oldest ones.
   *
   * @param share of those changes that had got to the disk, from 0 to 1
   */
  losePower(share: number): void {
    const kept = Math.round(this.#journal.length * share)
    for (const { undo } of this.#journal.slice(kept).reverse()) undo()
    this.#journal = []
    this.#open.clear()
    const lose = (node: Node): void => {
      if (node.kind === 'file') node.bytes = node.durable
      else for (const each of node.entries.values()) lose(each)
    }
    lose(this.#root)
  }

  #set(parent: DirectoryNode, name: string, node: Node | undefined): void {
    const old = parent.entries.get(name)
    set(node)
    parent.modified = Date.now()
    this.#journal.push({ of: [parent], undo: () => set(old) })

    function set(to: Node | undefined): void {
      if (to === undefined) parent.entries.delete(name)
      else parent.entries.set(name, to)
    }
  }

  #node(operation: string, path: string): Node {
    let node: Node = this.#root
    for (let from = 1; from < path.length; ) {
      const end = path.indexOf('/', from)
      const name = path.slice(from, end < 0 ? path.length : end)
      if (node.kind === 'file') throw failure('ENOTDIR', operation, path)
      const next = node.entries.get(name)
      if (next === undefined) throw failure('ENOENT', operation, path)
      node = next
      from += name.length + 1
    }
    return node
  }

  #directory(operation: string, path: string): DirectoryNode {
    const node = this.#node(operation, path)
    if (node.kind === 'file') throw failure('ENOTDIR', operation, path)
    return node
  }

  #opened(operation: string, { fd, path }: OpenFile): { readonly node: Node; at: number } {
    const opened = this.#open.get(fd)
    if (opened === undefined) throw failure('EBADF', operation, path)
    return opened
  }
}

function directoryNode(mode: number): DirectoryNode {
  return { kind: 'directory', entries: new Map(), modified: Date.now(), mode }
}

function statusOf(node: Node): FileStatus {
  const { kind, modified, mode } = node
  return { kind, modified, mode, size: node.kind === 'file' ? node.bytes.length : 0 }
}

const failure = (code: string, operation: string, path: string): Error =>
  Object.assign(new Error(`${code}: ${operation} '${path}'`), { code })
