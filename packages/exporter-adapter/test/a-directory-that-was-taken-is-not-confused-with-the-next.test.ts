import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { MemoryDisk } from './support/memory-disk.ts'
import { AT_ONCE } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

let said: string[]
beforeEach(() => {
  vi.useFakeTimers()
  said = diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function processOn(disk: MemoryDisk, exporter: ScriptedExporter, n: number) {
  const fs = new ProcessFs(disk)
  forgetLivingSpools()
  openSpoolsWith(() => ({ fs, identity: deadIdentity(n) }))
  const adapter = new PushExporterAdapter(exporter, { spoolDirectory: '/spool', retry: AT_ONCE })
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const resource = resourceFromAttributes({ 'service.instance.id': `${n}: ` })
  const counter = new MeterProvider({ readers: [reader], resource }).getMeter('test').createCounter('counter')
  const die = () => {
    fs.isDead = true
  }
  return { adapter, reader, counter, die }
}

test('what is delivered of a directory that was taken does not touch what lies in the next one', async () => {
  const disk = new MemoryDisk()
  const exporter = new ScriptedExporter()
  const first = processOn(disk, exporter, 0)
  first.counter.add(1)
  await first.reader.flush()
  first.die()

  // It claims that, cannot send it, and loses its directory with it.
  exporter.answer = 'failBefore'
  const second = processOn(disk, exporter, 1)
  second.counter.add(10)
  await expect(second.reader.forceFlush()).rejects.toThrow('ECONNREFUSED')
  const [folder] = disk.readdir('/spool')
  const [own] = disk.readdir(`/spool/${folder}`)
  disk.rename(`/spool/${folder}/${own}`, '/elsewhere')
  for (let i = 0; i < 2; i++) await second.reader.flush()
  expect(second.adapter.stats()).toMatchObject({ pendingPoints: 2 })
  expect(second.adapter.stats().spoolError).toBeUndefined()

  exporter.answer = 'success'
  second.counter.add(100)
  await vi.advanceTimersByTimeAsync(1)
  await second.reader.forceFlush()
  // The turn after has nothing to write down any more.
  await second.reader.flush()
  // What it had found lies elsewhere now, and is for whoever has it.
  expect(second.adapter.stats()).toMatchObject({
    pendingPoints: 0,
    spoolBytes: 0,
    lostPoints: { 'spool-unreadable': 1 },
  })
  expect(second.adapter.stats().spoolError).toBeUndefined()
  expect(said.filter((line) => line.includes('the spool fails'))).toHaveLength(1)
  second.die()

  const last = processOn(disk, exporter, 2)
  await last.reader.forceFlush()
  expect(last.adapter.stats()).toMatchObject({ deliveredPoints: 0, pendingPoints: 0 })
  expect([exporter.receiver.total('counter', {}, '0: '), exporter.receiver.total('counter', {}, '1: ')]).toEqual([
    0, 110,
  ])
  expect(exporter.receiver.resentIdentical).toBe(0)
})
