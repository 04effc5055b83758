import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { INTERVAL, pushPipeline, TIMEOUT } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

type Done = Parameters<ScriptedExporter['export']>[1]

/** Never calls back for what it forgets, and sends nothing of it. */
class ForgetfulExporter extends ScriptedExporter {
  forgets: (call: number) => boolean = () => false
  #made = 0

  override export(metrics: ResourceMetrics, done: Done): void | Promise<void> {
    if (!this.forgets(this.#made++)) return super.export(metrics, done)
  }

  get made(): number {
    return this.#made
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

test('one that forgets every second call is fed for as long as it answers the others', async () => {
  const { exporter, counter, interval, stats } = pushPipeline(new ForgetfulExporter())
  exporter.forgets = (call) => call % 2 === 0
  for (let i = 0; i < 400; i++) {
    counter.add(1)
    await interval()
  }
  expect(exporter.receiver.total('counter')).toBeGreaterThan(380)
  expect(exporter.receiver.violations).toEqual([])
  expect(stats().pendingPoints).toBeLessThan(20)
})

test('one that forgot all calls for hours gets everything at once when it is well again', async () => {
  const { exporter, counter, interval, stats } = pushPipeline(new ForgetfulExporter())
  exporter.forgets = () => true
  for (let i = 0; i < 500; i++) {
    counter.add(1)
    await interval()
  }
  // Not more than one in each time-out, beyond the most that may be out.
  expect(exporter.made).toBeLessThan(100 + 500)
  exporter.forgets = () => false
  for (let i = 0; i < 3; i++) {
    counter.add(1)
    await interval()
  }
  await vi.advanceTimersByTimeAsync(60 * INTERVAL)
  expect(exporter.receiver.total('counter')).toBe(503)
  expect(stats().pendingPoints).toBe(0)
})

test('a shutdown with more batches than may be out at once has them wait for room', async () => {
  const { exporter, reader, counter, stats } = pushPipeline(new ForgetfulExporter(), { maxExportBatchSize: 1 })
  exporter.forgets = (call) => call === 0
  exporter.answer = { afterMillis: 5 }
  counter.add(1)
  await vi.advanceTimersByTimeAsync(INTERVAL)
  for (let series = 0; series < 300; series++) counter.add(1, { series })
  const done = reader.shutdown({ timeoutMillis: TIMEOUT / 2 }).catch((error: Error) => error.message)
  await vi.advanceTimersByTimeAsync(TIMEOUT)
  // But for the one that was forgotten and is within its time-out.
  expect(await done).toContain('lost 1 points')
  expect(stats()).toMatchObject({ deliveredPoints: 300, lostPoints: { shutdown: 1 } })
})
