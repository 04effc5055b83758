import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { safeDirectoryName } from '../src/spool/file-names.ts'
import type { Spool } from '../src/spool/spool.ts'
import { encodeEntry } from '../src/spool/spool-format.ts'
import { bytes, contents, filesUnder, openSpool, temporaryDirectory } from './support/spool-directory.ts'

const entriesIn = (path: string): string[] =>
  readdirSync(path)
    .filter((name) => name.endsWith('.entry'))
    .sort()

async function deadSpool(directory: string, write: (spool: Spool) => Promise<void>, now = Date.now()): Promise<string> {
  const spool = await openSpool(directory, { now: () => now })
  await write(spool)
  await spool.close()
  return spool.path
}

describe('entries are claimed', () => {
  it('in the order in which their slots were first written, whatever was rewritten or renamed since', async () => {
    const directory = temporaryDirectory()
    await deadSpool(directory, async (spool) => {
      await spool.write('open', bytes('a'), 1)
      await spool.rename('open', 'sealed')
      await spool.write('open', bytes('b'), 2)
      await spool.write('sealed', bytes('rest of a'), 1)
      await spool.write('third', bytes('c'), 3)
      await spool.remove('third')
      await spool.write('third', bytes('d'), 4)
    })
    const spool = await openSpool(directory)
    expect(await contents(await spool.claim())).toEqual(['sealed=rest of a/1', 'open=b/2', 'third=d/4'])
    await spool.close()
  })

  it('the older incarnations first, through any number of deaths', async () => {
    const directory = temporaryDirectory()
    const time = Date.now()
    for (let i = 0; i < 5; i++) {
      await deadSpool(
        directory,
        async (spool) => {
          await spool.claim()
          await spool.write('open', bytes(`life ${i}`), i)
        },
        time + i,
      )
    }
    const spool = await openSpool(directory)
    const entries = await spool.claim()
    expect(await contents(entries)).toEqual([0, 1, 2, 3, 4].map((i) => `open=life ${i}/${i}`))
    expect(filesUnder(spool.path).every((path) => path.split('/').length <= 2)).toBe(true)
    for (const entry of entries) await entry.remove()
    expect(readdirSync(spool.path)).toEqual(['lease'])
    await spool.close()
    expect(filesUnder(directory)).toEqual([])
  })

  it('once', async () => {
    const directory = temporaryDirectory()
    await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
    const spool = await openSpool(directory)
    const claims = await Promise.all([spool.claim(), spool.claim()])
    expect(claims.flat()).toHaveLength(1)
    expect(await spool.claim()).toEqual([])
    await spool.close()
  })

  it('and are removed twice without complaint', async () => {
    const directory = temporaryDirectory()
    await deadSpool(directory, (spool) => spool.write('sealed', bytes('x'), 3))
    const last = await openSpool(directory)
    const [rest] = await last.claim()
    await rest!.remove()
    await rest!.remove()
    expect(last.bytes).toBe(0)
    await last.close()
    expect(filesUnder(directory)).toEqual([])
  })
})

describe('what a crash leaves half done', () => {
  it('is swept, where it is a temporary file', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
    writeFileSync(join(path, '00000001.00000002.open.entry.tmp'), 'half')
    const spool = await openSpool(directory)
    expect(await contents(await spool.claim())).toEqual(['open=x/1'])
    expect(filesUnder(directory).filter((name) => name.endsWith('.tmp'))).toEqual([])
    await spool.close()
  })

  it('goes with its directory where nothing else is in it', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
    for (const name of entriesIn(path)) rmSync(join(path, name))
    writeFileSync(join(path, '00000001.00000002.open.entry.tmp'), 'half')
    mkdirSync(join(path, '..', '20200101T000000000Z-1-0123456789abcdef'))
    const spool = await openSpool(directory, { now: () => Date.now() + 3_600_000 })
    expect(await spool.claim()).toEqual([])
    expect(filesUnder(directory)).toHaveLength(1)
    await spool.close()
  })

  it('is decided by the generation, where the older file is still there', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, (spool) => spool.write('open', bytes('newer'), 2))
    const [newer] = entriesIn(path)
    writeFileSync(join(path, newer!.replace('.00000001.', '.00000000.')), encodeEntry(bytes('older'), 1))
    const spool = await openSpool(directory)
    expect(await contents(await spool.claim())).toEqual(['open=newer/2'])
    expect(filesUnder(spool.path).filter((name) => name.endsWith('.entry'))).toHaveLength(1)
    await spool.close()
  })
})

describe('an entry that cannot be read', () => {
  it('is set aside, counted and reported, and the rest is claimed', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, async (spool) => {
      await spool.write('rotten', bytes('rotten'), 1)
      await spool.write('sound', bytes('sound'), 2)
    })
    const [rotten] = entriesIn(path)
    const rotted = readFileSync(join(path, rotten!))
    rotted[rotted.length - 1]! ^= 1
    writeFileSync(join(path, rotten!), rotted)
    const problems: Error[] = []
    const spool = await openSpool(directory, { onProblem: (error) => problems.push(error) })
    expect(await contents(await spool.claim())).toEqual(['sound=sound/2'])
    expect(spool.unreadable).toHaveLength(1)
    expect(problems).toMatchObject([{ code: 'UNREADABLE', message: expect.stringContaining('checksum') }])
    const [kept] = filesUnder(directory).filter((name) => name.endsWith('.unreadable'))
    expect(readFileSync(join(directory, kept!))).toEqual(rotted)
    await spool.close()
    const next = await openSpool(directory)
    expect(await contents(await next.claim())).toEqual(['sound=sound/2'])
    expect(next.unreadable).toEqual([])
    await next.close()
  })

  it('gives way to the older content, if a crash has left that', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, (spool) => spool.write('open', bytes('older'), 1))
    const [older] = entriesIn(path)
    writeFileSync(join(path, older!.replace('.00000001.open', '.00000002.open')), 'rotten')
    const spool = await openSpool(directory)
    expect(await contents(await spool.claim())).toEqual(['open=older/1'])
    expect(spool.unreadable).toHaveLength(1)
    await spool.close()
  })

  it('is kept with others only up to the size of the spool, the oldest go first', async () => {
    const directory = temporaryDirectory()
    for (let i = 0; i < 6; i++) {
      const path = await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
      writeFileSync(join(path, entriesIn(path)[0]!), Buffer.alloc(100, `${i}`))
      const spool = await openSpool(directory, { maxBytes: 250 })
      await spool.claim()
      await spool.close()
    }
    const kept = filesUnder(directory).map((name) => readFileSync(join(directory, name), 'latin1')[0])
    expect(kept).toEqual(['3', '4', '5'])
  })

  it('is found out when it rots after it was claimed', async () => {
    const directory = temporaryDirectory()
    await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
    const spool = await openSpool(directory)
    const [entry] = await spool.claim()
    const [file] = filesUnder(spool.path).filter((name) => name.endsWith('.entry'))
    writeFileSync(join(spool.path, file!), 'rotten')
    await expect(entry!.read()).rejects.toMatchObject({ code: 'UNREADABLE' })
    await spool.close()
  })
})

describe('an entry of a newer format', () => {
  it('is left where it is, with all that its incarnation wrote, and counted', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
    copyFileSync(join(path, entriesIn(path)[0]!), join(path, '00000002.00000002.sealed.entry'))
    writeFileSync(join(path, '00000003.00000003.sealed.entry'), newer())
    await deadSpool(directory, (spool) => spool.write('open', bytes('ours'), 1))
    const before = filesUnder(path)
    const spool = await openSpool(directory)
    expect(await contents(await spool.claim())).toEqual(['open=ours/1'])
    expect([spool.newerFiles, spool.unreadable.length]).toEqual([1, 0])
    expect(filesUnder(path)).toEqual(before)
    await spool.close()
  })

  it('is seen in what its incarnation had claimed, too', async () => {
    const directory = temporaryDirectory()
    const path = await deadSpool(directory, (spool) => spool.write('open', bytes('x'), 1))
    const nested = join(path, '20200101T000000000Z-1-0123456789abcdef')
    mkdirSync(nested)
    writeFileSync(join(nested, '00000003.00000003.sealed.entry'), newer())
    const spool = await openSpool(directory)
    expect(await spool.claim()).toEqual([])
    expect(spool.newerFiles).toBe(1)
    expect(readdirSync(join(directory, safeDirectoryName('test')))).toContain(path.split('/').at(-1))
    await spool.close()
  })
})

function newer(): Buffer {
  const entry = Buffer.alloc(40, 'future')
  entry.write('SLUICE\r\n', 'latin1')
  entry.writeUInt32LE(2, 8)
  entry.writeUInt32LE(crc32(entry.subarray(0, 12)), 12)
  return entry
}
