import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { INTERVAL, pushPipeline } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

type Done = Parameters<ScriptedExporter['export']>[1]

/** In front of a receiver that breaks the connection at whatever has a certain attribute in it. */
class TouchyExporter extends ScriptedExporter {
  override export(metrics: ResourceMetrics, done: Done): void | Promise<void> {
    if (!JSON.stringify(metrics.scopeMetrics).includes('poison')) return super.export(metrics, done)
    done({ code: 1, error: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) })
  }
}

/** In front of a receiver that is mute when something is sent again, unless it is the batch with `late` in it. */
class MuteExporter extends ScriptedExporter {
  readonly #seen = new Set<string>()

  override export(metrics: ResourceMetrics, done: Done): void | Promise<void> {
    const text = JSON.stringify(metrics.scopeMetrics)
    const isNew = !this.#seen.has(text)
    this.#seen.add(text)
    if (isNew && /poison|late/.test(text)) {
      done({ code: 1, error: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) })
    } else if (!text.includes('poison')) {
      return super.export(metrics, done)
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

test.each([
  [1, 10],
  [64, 50],
  [65, 50],
  [100, 50],
])('after %i intervals of such, those that come later arrive', async (poisoned, well) => {
  const { exporter, counter, interval, stats } = pushPipeline(new TouchyExporter(), { retry: {} })
  for (let i = 0; i < poisoned; i++) {
    counter.add(1, { poison: true })
    await interval()
  }
  for (let i = 0; i < well; i++) {
    counter.add(1)
    await interval()
  }
  // What came while the last ones were waited for is with them in one parcel; the next one is without.
  await vi.advanceTimersByTimeAsync(200 * INTERVAL)
  counter.add(1)
  await interval()
  const { offeredPoints, mergedPoints, deliveredPoints, pendingPoints, pendingParcels } = stats()
  expect(exporter.receiver.total('counter')).toBeGreaterThan(0)
  expect(deliveredPoints + pendingPoints + mergedPoints).toBe(offeredPoints)
  expect(pendingParcels).toBeLessThan(75)
})

test('a batch that was sent again least often comes before those that are never answered', async () => {
  const { exporter, counter, interval } = pushPipeline(new MuteExporter())
  for (let i = 0; i < 20; i++) {
    counter.add(1, { poison: true })
    await interval()
  }
  counter.add(1, { late: true })
  await interval()
  for (let i = 0; i < 30; i++) {
    counter.add(1)
    await interval()
  }
  expect(exporter.receiver.total('counter', { late: true })).toBe(1)
})
