import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline } from './support/pipeline.ts'
import { pointsIn, ScriptedExporter } from './support/scripted-exporter.ts'

type Done = Parameters<ScriptedExporter['export']>[1]

/** In front of a receiver that answers with an HTTP status. */
class StatusExporter extends ScriptedExporter {
  status: (metrics: ResourceMetrics) => number = () => 200

  override export(metrics: ResourceMetrics, done: Done): void | Promise<void> {
    const code = this.status(metrics)
    if (code === 200) return super.export(metrics, done)
    this.calls.push(metrics)
    done({ code: 1, error: Object.assign(new Error('no'), { code }) })
  }
}

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

function many() {
  const pipeline = pushPipeline(new StatusExporter())
  const counter = pipeline.reader.buffer.getMeter('test').createCounter('many')
  return {
    ...pipeline,
    record: () => {
      for (let series = 0; series < 1_900; series++) counter.add(1, { series })
    },
  }
}

test('a receiver that finds everything too large is not asked of every single point', async () => {
  const { exporter, record, interval, stats } = many()
  exporter.status = () => 413
  for (let i = 0; i < 5; i++) {
    const [calls, lines] = [exporter.calls.length, log.length]
    record()
    await interval()
    expect(exporter.calls.length - calls).toBeLessThan(40)
    expect(log.length - lines).toBeLessThan(40)
  }
  exporter.status = () => 200
  await interval()
  const { offeredPoints, deliveredPoints, mergedPoints, lostPoints } = stats()
  expect(deliveredPoints + mergedPoints + lostPoints.rejected).toBe(offeredPoints)
  expect(lostPoints.rejected).toBeLessThan(100)
})

test('one that finds single points too large gets all others at once', async () => {
  const { exporter, record, meter, interval, stats } = many()
  const large = meter.createCounter('large')
  exporter.status = (metrics) => (JSON.stringify(metrics.scopeMetrics).includes('x'.repeat(1_000)) ? 413 : 200)
  for (let i = 0; i < 7; i++) large.add(1, { i, text: 'x'.repeat(1_000) })
  record()
  await interval()
  expect(stats()).toMatchObject({ deliveredPoints: 1_900, lostPoints: { rejected: 7 }, pendingPoints: 0 })
})

test('one that takes one message and not another is sent again what may have arrived', async () => {
  const exporter = new StatusExporter()
  const { counter, meter, interval, stats } = pushPipeline(exporter, { maxExportBatchSize: 1 })
  exporter.status = () => 504
  counter.add(1)
  await interval()
  exporter.status = (metrics) => (metrics.scopeMetrics[0]!.metrics[0]!.descriptor.name === 'bad' ? 400 : 200)
  const [bad, good] = [meter.createCounter('bad'), meter.createCounter('good')]
  for (let i = 0; i < 5; i++) {
    bad.add(1)
    good.add(1)
    await interval()
  }
  expect(exporter.receiver.total('counter')).toBe(1)
  expect(stats()).toMatchObject({ pendingPoints: 0, lostPoints: { rejected: 5 } })
})

test('one that takes nothing any more, as a token has run out, is not sent what may have arrived', async () => {
  const { exporter, counter, interval, stats } = pushPipeline(new StatusExporter())
  exporter.status = () => 504
  counter.add(1)
  await interval()
  exporter.status = () => 401
  for (let i = 0; i < 5; i++) {
    counter.add(1)
    await interval()
  }
  exporter.status = () => 200
  counter.add(1)
  await interval()
  expect(exporter.calls.map(pointsIn)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  expect(stats()).toMatchObject({ deliveredPoints: 2, pendingPoints: 0, lostPoints: { rejected: 5 } })
})
