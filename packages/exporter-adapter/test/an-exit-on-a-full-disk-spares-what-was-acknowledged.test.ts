import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { type AttachedReader, BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import type { OpenFile } from '../src/spool/file-calls.ts'
import { MemoryDisk } from './support/memory-disk.ts'
import { AT_ONCE } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Once it is full it has room for what is small, such as progress, and not for a parcel with points. */
class FillingDisk extends MemoryDisk {
  isFull = false

  override write(file: OpenFile, bytes: Uint8Array): number {
    if (this.isFull && bytes.length > 400) throw Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' })
    return super.write(file, bytes)
  }
}

/** A process that sends in batches of two points, with what it does at its end. */
function processOn(disk: FillingDisk, exporter: ScriptedExporter, n: number) {
  const fs = new ProcessFs(disk)
  forgetLivingSpools()
  openSpoolsWith(() => ({ fs, identity: deadIdentity(n) }))
  const adapter = new PushExporterAdapter(exporter, { spoolDirectory: '/spool', maxExportBatchSize: 2, retry: AT_ONCE })
  const hooks: { onSealing?: () => void } = {}
  const attach = adapter.attach.bind(adapter)
  adapter.attach = (reader) => attach(sealingWith(reader, hooks))
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
  return {
    hooks,
    adapter,
    reader,
    a: meter.createCounter('a'),
    b: meter.createCounter('b'),
    /** How many points are lost. */
    exit(): number {
      const lost = adapter.persistAtOnce()
      fs.isDead = true
      return lost
    },
  }
}

/** The reader of a process that ends, if the hook is there, while points are taken out of what is open. */
function sealingWith(reader: AttachedReader, hooks: { readonly onSealing?: () => void }): AttachedReader {
  let isSealing = false
  return Object.assign(Object.create(reader) as AttachedReader, {
    betweenTurns: <T>(work: () => T | Promise<T>) => {
      isSealing = true
      return reader.betweenTurns(work).finally(() => {
        isSealing = false
      })
    },
    inSlices: (count: number, work: (index: number) => void) => {
      if (!isSealing || hooks.onSealing === undefined) return reader.inSlices(count, work)
      hooks.onSealing()
      return new Promise<never>(() => {})
    },
  })
}

/** `a{0}` and `b` are acknowledged, then the disk is full, and more is recorded: what is in the spool is only part of what is sealed. */
async function acknowledgedBeforeFull() {
  const disk = new FillingDisk()
  const exporter = new ScriptedExporter()
  const process = processOn(disk, exporter, 0)
  process.a.add(1, { series: 0 })
  process.b.add(100)
  await process.reader.flush()
  expect(process.adapter.stats().spoolError).toBeUndefined()
  disk.isFull = true
  for (let series = 1; series < 5; series++) process.a.add(1, { series })
  return {
    ...process,
    exporter,
    /** By the end of the next process, which has room again. */
    async arrived() {
      disk.isFull = false
      exporter.answer = 'success'
      const next = processOn(disk, exporter, 1)
      await next.reader.forceFlush()
      return [exporter.receiver.total('a', { series: 0 }), exporter.receiver.total('b')]
    },
  }
}

test('numbers of batches of a parcel that could not be written are not taken for those of the older one on disk', async () => {
  const { exporter, reader, exit, arrived } = await acknowledgedBeforeFull()
  // Two of its three batches arrive; b is in the last one.
  const exportCall = exporter.export.bind(exporter)
  exporter.export = (metrics, done) => {
    if (exporter.calls.length === 2) exporter.answer = 'failBefore'
    return exportCall(metrics, done)
  }
  await expect(reader.forceFlush()).rejects.toThrow('ECONNREFUSED')
  expect(exporter.receiver.total('b')).toBe(0)
  expect(exit()).toBe(2)
  // a came with the whole, and comes once more in the window of what was acknowledged.
  expect(await arrived()).toEqual([2, 100])
})

test('an exit amid the sealing does not replace it by what is open since', async () => {
  const { hooks, reader, exit, arrived } = await acknowledgedBeforeFull()
  const lost = new Promise<number>((resolve) => {
    // It may be asked to save more than once: for an exception that somebody handles, and then for the exit.
    hooks.onSealing = () => resolve(exit() && exit())
  })
  void reader.forceFlush()
  expect(await lost).toBe(6)
  expect(await arrived()).toEqual([1, 100])
})
