import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { describe, expect, it } from 'vitest'
import { describeWhere } from '../../processor/test/support/describe-where.ts'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { safeDirectoryName } from '../src/spool/file-names.ts'
import { HEADER_BYTES } from '../src/spool/spool-format.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { bytes, contents, filesUnder, leftBy, openSpool, temporaryDirectory } from './support/spool-directory.ts'

const modeOf = (path: string): number => lstatSync(path).mode & 0o777
const onWindows =
  process.platform === 'win32'
    ? 'Windows has no permission bits, and lets only some users make symbolic links'
    : undefined

describeWhere(onWindows, 'the spool', () => {
  it('is for its owner alone', async () => {
    const directory = join(temporaryDirectory(), 'made', 'for it')
    const spool = await openSpool(directory)
    await spool.write('open', bytes('secret'), 1)
    for (const path of ['', ...(readdirSync(directory, { recursive: true }) as string[])]) {
      const isDirectory = lstatSync(join(directory, path)).isDirectory()
      expect(modeOf(join(directory, path)), path).toBe(isDirectory ? 0o700 : 0o600)
    }
    await spool.close()
  })

  it('closes its own directory to others, and leaves the one it was given as it is', async () => {
    const directory = temporaryDirectory()
    chmodSync(directory, 0o755)
    mkdirSync(join(directory, safeDirectoryName('test')), { mode: 0o755 })
    const spool = await openSpool(directory)
    expect(modeOf(join(directory, safeDirectoryName('test')))).toBe(0o700)
    expect(modeOf(directory)).toBe(0o755)
    await spool.close()
  })

  it('refuses a symbolic link for its directory, or within it', async () => {
    const elsewhere = temporaryDirectory()
    const directory = temporaryDirectory()
    symlinkSync(elsewhere, join(directory, 'link'))
    await expect(openSpool(join(directory, 'link'))).rejects.toThrow(/link.*symbolic link/)
    await expect(openSpool(`${join(directory, 'link')}/`)).rejects.toThrow('symbolic link')
    symlinkSync(elsewhere, join(directory, safeDirectoryName('test')))
    await expect(openSpool(directory)).rejects.toThrow('symbolic link')
    expect(readdirSync(elsewhere)).toEqual([])
  })

  it('neither claims a linked directory nor follows a linked entry', async () => {
    const directory = temporaryDirectory()
    const parent = join(directory, safeDirectoryName('test'))
    const outside = join(temporaryDirectory(), 'outside')
    const dead = await openSpool(directory)
    await dead.write('open', bytes('kept'), 1)
    symlinkSync('/etc/hostname', join(dead.path, '00000009.00000009.open.entry'))
    await dead.close()
    mkdirSync(outside)
    symlinkSync(outside, join(parent, '20200101T000000000Z-1-0123456789abcdef'))
    const spool = await openSpool(directory)
    expect(await contents(await spool.claim())).toEqual(['open=kept/1'])
    expect(spool.unreadable).toHaveLength(1)
    expect(lstatSync(outside).isDirectory()).toBe(true)
    await spool.close()
  })

  it('writes nothing through a link that takes the place of its directory', async () => {
    const directory = temporaryDirectory()
    const elsewhere = temporaryDirectory()
    const spool = await openSpool(directory)
    renameSync(spool.path, `${spool.path}-moved`)
    symlinkSync(join(elsewhere, 'nothing'), spool.path)
    await expect(spool.write('open', bytes('secret'), 1)).rejects.toThrow(spool.path)
    expect(filesUnder(elsewhere)).toEqual([])
  })
})

describe('the size of the spool', () => {
  const room = (body: number): number => HEADER_BYTES + body

  it('is what its entries take', async () => {
    const spool = await openSpool(temporaryDirectory())
    expect(spool.bytes).toBe(0)
    await spool.write('open', Buffer.alloc(100), 1)
    await spool.write('sealed', Buffer.alloc(50), 1)
    await spool.write('open', Buffer.alloc(10), 1)
    expect(spool.bytes).toBe(room(10) + room(50))
    await spool.remove('open')
    expect(spool.bytes).toBe(room(50))
    await spool.close()
  })

  it('is never exceeded: the write is refused and the older content stays', async () => {
    const directory = temporaryDirectory()
    const spool = await openSpool(directory, { maxBytes: room(3) + room(3) })
    await spool.write('open', bytes('old'), 1)
    await spool.write('sealed', bytes('old'), 1)
    const refused = { code: 'SPOOL_FULL', message: expect.stringContaining('would exceed the') }
    await expect(spool.write('open', bytes('newer'), 2)).rejects.toMatchObject(refused)
    expect(() => spool.writeSync('open', bytes('newer'), 2)).toThrow(`${room(3) + room(3)} bytes it may take`)
    await spool.write('open', bytes('new'), 3)
    expect(await leftBy(spool, directory)).toEqual(['open=new/3', 'sealed=old/1'])
  })

  it('includes what was claimed', async () => {
    const directory = temporaryDirectory()
    const dead = await openSpool(directory)
    await dead.write('open', Buffer.alloc(100), 1)
    await dead.close()
    const spool = await openSpool(directory, { maxBytes: room(120) })
    const [entry] = await spool.claim()
    expect(spool.bytes).toBe(room(100))
    await expect(spool.write('open', Buffer.alloc(50), 1)).rejects.toThrow('it may take')
    await entry!.remove()
    await spool.write('open', Buffer.alloc(50), 1)
    await spool.close()
  })

  it('is that of the option of the adapter, whose error names it', async () => {
    diagLog()
    const spoolDirectory = temporaryDirectory()
    const exporter = new ScriptedExporter()
    exporter.answer = 'failBefore'
    const adapter = new PushExporterAdapter(exporter, { spoolDirectory, spoolMaxBytes: 2000 })
    const reader = new BufferingMetricReader({ adapters: [adapter] })
    const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
    counter.add(1)
    await reader.flush()
    const { spoolBytes, spoolError } = adapter.stats()
    expect(spoolError).toBeUndefined()
    expect(spoolBytes).toBeGreaterThan(0)
    for (let series = 0; series < 100; series++) counter.add(1, { series })
    await reader.flush()
    expect(adapter.stats().spoolBytes).toBe(spoolBytes)
    expect(adapter.stats().spoolError).toMatch(
      new RegExp(`more than the ${spoolBytes} there would exceed the 2000 bytes it may take \\(spoolMaxBytes\\)$`),
    )
    exporter.answer = 'success'
    await reader.shutdown()
  })

  it('has to be a number', async () => {
    await expect(openSpool(temporaryDirectory(), { maxBytes: 0 })).rejects.toThrow(RangeError)
    await expect(openSpool(temporaryDirectory(), { maxBytes: Number.NaN })).rejects.toThrow('maxBytes')
  })
})

describe('names', () => {
  it('of spools may be anything, and differ on disk where they differ', async () => {
    const names = ['otlp', 'OTLP', '../../up', 'a/b', 'a-b', '', 'ü', 'x'.repeat(500), 'con']
    const safe = names.map(safeDirectoryName)
    expect(new Set(safe.map((name) => name.toLowerCase())).size).toBe(names.length)
    for (const name of safe) expect(name).toMatch(/^[a-z0-9-]{1,60}$/)
    const directory = temporaryDirectory()
    for (const name of names) await (await openSpool(directory, { name })).close()
    expect(readdirSync(directory).sort()).toEqual(safe.sort())
  })

  it('of slots that could leave the directory are refused', async () => {
    const spool = await openSpool(temporaryDirectory())
    for (const slot of ['', '../up', 'a/b', 'A', '.hidden', 'a.b', 'x'.repeat(65)]) {
      await expect(spool.write(slot, bytes(''), 0)).rejects.toThrow(RangeError)
      await expect(spool.rename('open', slot)).rejects.toThrow(RangeError)
    }
    await spool.close()
  })

  it('of somebody else are left alone', async () => {
    const directory = temporaryDirectory()
    const other = await openSpool(directory, { name: 'other' })
    await other.write('open', bytes('theirs'), 1)
    await other.close()
    const spool = await openSpool(directory)
    writeFileSync(join(directory, safeDirectoryName('test'), 'notes.txt'), 'by hand')
    expect(await spool.claim()).toEqual([])
    expect(filesUnder(directory).filter((path) => /other|notes/.test(path))).toHaveLength(3)
    await spool.close()
  })
})
