import { constants } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeWhere } from '../../processor/test/support/describe-where.ts'
import { type FileCalls, nodeFs } from '../src/spool/file-calls.ts'
import { MemoryDisk } from './support/memory-disk.ts'
import { directoryOfThisTest } from './support/spool-fs.ts'

/** Histories by the ten thousand run on it: what it does otherwise than a file system they would not find. */

const paths = fc.constantFrom('/a', '/b', '/a/a', '/a/b', '/b/a', '/a/a/a', '/b/a/b')
const text = fc.string({ maxLength: 5 })
const operation = fc.oneof(
  fc.record({ do: fc.constant('create'), path: paths, text }),
  fc.record({ do: fc.constant('rename'), path: paths, to: paths }),
  fc.record({
    do: fc.constantFrom('mkdir', 'mkdir', 'unlink', 'rmdir', 'readdir', 'lstat', 'read', 'touch'),
    path: paths,
  }),
)
type Operation = { readonly do: string; readonly path: string; readonly text?: string; readonly to?: string }

const { O_WRONLY, O_CREAT, O_EXCL, O_RDONLY, O_NOFOLLOW } = constants

const notLinux =
  process.platform === 'linux' ? undefined : 'it imitates the error codes of Linux, which differ elsewhere'
describeWhere(notLinux, 'the disk in memory beside a real one', () => {
  test('answers every call as Linux does', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30, size: 'max' }), (operations) => {
        const root = directoryOfThisTest()
        const disk = new MemoryDisk()
        for (const each of operations) {
          expect(answer(disk, '/', each), JSON.stringify(each)).toEqual(answer(nodeFs.blocking, root, each))
        }
        expect(tree(disk, '/')).toEqual(tree(nodeFs.blocking, root))
      }),
    )
  })
})

describe('the disk in memory', () => {
  test('keeps what was synchronised through a power cut, and nothing else', () => {
    const disk = new MemoryDisk()
    disk.mkdir('/d', 0o700)
    sync(disk, '/')
    create(disk, '/d/synced', 'all of it', true)
    create(disk, '/d/unsynced', 'gone', false)
    sync(disk, '/d')
    disk.rename('/d/synced', '/d/renamed')
    create(disk, '/d/late', 'gone with its name', true)
    disk.losePower(0)
    expect(tree(disk, '/')).toEqual({ d: { synced: 'all of it', unsynced: '' } })
  })

  test('loses the latest changes of names first', () => {
    const disk = new MemoryDisk()
    for (const name of ['/1', '/2', '/3', '/4']) disk.mkdir(name, 0o700)
    disk.losePower(0.5)
    expect(disk.readdir('/')).toEqual(['1', '2'])
  })
})

function answer(disk: FileCalls, root: string, operation: Operation): unknown {
  const path = join(root, operation.path)
  try {
    switch (operation.do) {
      case 'create':
        return create(disk, path, operation.text!, true)
      case 'rename':
        return disk.rename(path, join(root, operation.to!))
      case 'mkdir':
        return disk.mkdir(path, 0o700)
      case 'readdir':
        return disk.readdir(path).sort()
      case 'lstat': {
        const { kind, mode } = disk.lstat(path)
        return { kind, mode }
      }
      case 'touch':
        disk.touch(path, 5000)
        return disk.lstat(path).modified
      case 'read':
        return read(disk, path)
      default:
        return disk[operation.do as 'unlink' | 'rmdir'](path)
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

function create(disk: FileCalls, path: string, text: string, synced: boolean): void {
  const file = disk.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  disk.write(file, Buffer.from(text))
  if (synced) disk.fsync(file)
  disk.close(file)
}

function sync(disk: FileCalls, path: string): void {
  const directory = disk.open(path, O_RDONLY, 0)
  disk.fsync(directory)
  disk.close(directory)
}

function read(disk: FileCalls, path: string): string {
  const file = disk.open(path, O_RDONLY, 0)
  try {
    const bytes = Buffer.alloc(disk.fstat(file).size)
    return bytes.toString('utf8', 0, disk.read(file, bytes))
  } finally {
    disk.close(file)
  }
}

function tree(disk: FileCalls, path: string): unknown {
  if (disk.lstat(path).kind === 'file') return read(disk, path)
  return Object.fromEntries(
    disk
      .readdir(path)
      .sort()
      .map((name) => [name, tree(disk, join(path, name))]),
  )
}
