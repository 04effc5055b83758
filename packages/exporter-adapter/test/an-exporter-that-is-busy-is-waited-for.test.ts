import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { INTERVAL, pushPipeline, TIMEOUT } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

type Done = Parameters<ScriptedExporter['export']>[1]

/** As those of OpenTelemetry JS, it refuses a call while too many are out; those have 30. */
class LimitedExporter extends ScriptedExporter {
  mostRunning = 3

  override export(metrics: ResourceMetrics, done: Done): void | Promise<void> {
    if (this.running < this.mostRunning) return super.export(metrics, done)
    done({ code: 1, error: new Error('Concurrent export limit reached') })
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

test.each([AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE])(
  'so that the last of many batches have their turn, with temporality %s',
  async (temporality) => {
    const exporter = new LimitedExporter(temporality)
    const { counter, interval, stats } = pushPipeline(exporter, { maxExportBatchSize: 1 })
    exporter.answer = { afterMillis: 100 }
    for (let series = 0; series < 20; series++) counter.add(1, { series })
    await interval()
    await vi.advanceTimersByTimeAsync(1.8 * TIMEOUT)
    for (let series = 0; series < 20; series++) expect(exporter.receiver.total('counter', { series })).toBe(1)
    expect(stats()).toMatchObject({ outcomeUnknown: 0, lostPoints: { rejected: 0, shutdown: 0 } })
  },
)

test('not for long where none of its calls is answered, nor where none of ours is out', async () => {
  const exporter = new LimitedExporter()
  const { counter, interval, reader } = pushPipeline(exporter, { maxExportBatchSize: 1 })
  exporter.answer = 'hang'
  for (let series = 0; series < 20; series++) counter.add(1, { series })
  await interval()
  const done = reader.shutdown({ timeoutMillis: INTERVAL }).catch((error: Error) => error.message)
  await vi.advanceTimersByTimeAsync(INTERVAL)
  expect(await done).toContain('lost 20 points')

  const busy = new LimitedExporter()
  busy.mostRunning = 0
  const other = pushPipeline(busy)
  other.counter.add(1)
  await expect(other.reader.forceFlush()).rejects.toThrow('Concurrent export limit reached')
})
