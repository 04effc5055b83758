import { AggregationTemporality, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { type AttachedReader, BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { MemoryDisk } from './support/memory-disk.ts'
import { AT_ONCE } from './support/pipeline.ts'
import type { Receiver } from './support/receiver.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

const INTERVAL = 10_000

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A process that spools to a disk whose speed the test decides, with what it does before it seals. */
function processOn(disk: MemoryDisk, n: number, receiver?: Receiver) {
  const exporter = new ScriptedExporter(
    (kind) =>
      kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
    receiver,
  )
  const fs = new ProcessFs(disk)
  forgetLivingSpools()
  openSpoolsWith(() => ({ fs, identity: deadIdentity(n) }))
  const adapter = new PushExporterAdapter(exporter, { spoolDirectory: '/spool', retry: AT_ONCE })
  const hooks: { beforeSealing?: () => void } = {}
  const attach = adapter.attach.bind(adapter)
  adapter.attach = (reader) =>
    attach(
      Object.assign(Object.create(reader) as AttachedReader, {
        betweenTurns: async <T>(work: () => T | Promise<T>) => {
          hooks.beforeSealing?.()
          return reader.betweenTurns(work)
        },
      }),
    )
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    exportIntervalMillis: INTERVAL,
    exportTimeoutMillis: 1_000,
  })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
  return {
    exporter,
    fs,
    hooks,
    adapter,
    reader,
    counter: meter.createCounter('counter'),
    upDown: meter.createUpDownCounter('upDown'),
    stats: () => reader.stats().adapters[0]!.stats,
  }
}

/** Another process looks for what this one has left. */
async function next(disk: MemoryDisk, receiver: Receiver) {
  const { exporter, stats } = processOn(disk, 1, receiver)
  await vi.advanceTimersByTimeAsync(13 * INTERVAL)
  return { calls: exporter.calls.length, stats: stats() }
}

test('a late success that is written down slowly does not take the newer cumulative points off the disk', async () => {
  const disk = new MemoryDisk()
  const { exporter, fs, hooks, reader, counter, upDown, stats } = processOn(disk, 0)
  exporter.answer = 'hang'
  counter.add(1)
  upDown.add(1)
  await vi.advanceTimersByTimeAsync(INTERVAL + 2_000)
  counter.add(2)
  upDown.add(2)
  hooks.beforeSealing = () => {
    delete hooks.beforeSealing
    fs.fault = 'hangs'
    setTimeout(() => {
      fs.fault = 'well'
    }, 50)
    exporter.hanging[0]!.succeed()
  }
  const done = reader.shutdown({ timeoutMillis: 300 }).catch(() => {})
  await vi.advanceTimersByTimeAsync(3_000)
  await done
  expect(stats()).toMatchObject({ deliveredPoints: 2, pendingPoints: 2, lostPoints: { shutdown: 0 } })
  fs.isDead = true
  expect(await next(disk, exporter.receiver)).toMatchObject({ stats: { offeredPoints: 2, deliveredPoints: 2 } })
  expect([exporter.receiver.total('counter'), exporter.receiver.total('upDown')]).toEqual([3, 3])
})

test('an exit while a success waits for the disk does not have it sent again', async () => {
  const disk = new MemoryDisk()
  const { exporter, fs, adapter, reader, counter, stats } = processOn(disk, 0)
  exporter.answer = { afterMillis: 10 }
  counter.add(1)
  await vi.advanceTimersByTimeAsync(INTERVAL + 5)
  fs.fault = 'hangs'
  counter.add(2)
  void reader.flush()
  await vi.advanceTimersByTimeAsync(10)
  expect(stats()).toMatchObject({ deliveredPoints: 1, pendingPoints: 1 })
  expect(adapter.persistAtOnce()).toBe(0)
  fs.isDead = true
  expect(await next(disk, exporter.receiver)).toMatchObject({ stats: { offeredPoints: 1, deliveredPoints: 1 } })
  expect(exporter.receiver.resentIdentical).toBe(0)
  expect(exporter.receiver.total('counter')).toBe(3)
})
