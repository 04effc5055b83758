import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline } from './support/pipeline.ts'
import type { Answer } from './support/scripted-exporter.ts'

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

describe.each<Answer>(['failBefore', 'failAfter', 'throwBefore'])('after a call that ends in %s', (answer) => {
  test('the same batch is sent again, with the same points and timestamps', async () => {
    const { exporter, counter, interval } = pushPipeline()
    exporter.answer = answer
    counter.add(1, { a: 1 })
    await interval()
    exporter.answer = 'success'
    counter.add(10, { a: 1 })
    await interval()
    const [first, ...others] = exporter.calls
    expect(others).toHaveLength(2)
    // What may have arrived goes last.
    const resend = answer === 'failBefore' ? 0 : 1
    expect(others[resend]!.scopeMetrics).toEqual(first!.scopeMetrics)
    expect(others[1 - resend]!.scopeMetrics).not.toEqual(first!.scopeMetrics)
    expect(exporter.receiver.violations).toEqual([])
    expect(exporter.receiver.total('counter', { a: 1 })).toBe(11)
  })
})

describe('during an outage', () => {
  test('what comes in merges into one parcel, whose windows follow the sealed one', async () => {
    const { exporter, counter, interval, stats } = pushPipeline()
    exporter.answer = 'failBefore'
    for (let i = 1; i <= 50; i++) {
      counter.add(i)
      await interval()
    }
    expect(stats()).toMatchObject({
      offeredPoints: 50,
      pendingPoints: 2,
      mergedPoints: 48,
      pendingParcels: 2,
      failures: 50,
    })
    exporter.answer = 'success'
    await interval()
    const windows = exporter.receiver.windows('counter')
    expect(windows.map((window) => window.value)).toEqual([1, (50 * 51) / 2 - 1])
    expect(windows[1]!.start).toBe(windows[0]!.end)
    expect(stats()).toMatchObject({ deliveredPoints: 2, pendingPoints: 0, pendingParcels: 0 })
  })

  test('one line says that it began and one that it is over', async () => {
    const { exporter, counter, interval } = pushPipeline()
    exporter.answer = 'failBefore'
    counter.add(1)
    await interval()
    await interval()
    await interval()
    exporter.answer = 'success'
    await interval()
    expect(log).toEqual([
      'warn sluice: ScriptedExporter: export failed, 1 points are held and sent again: connect ECONNREFUSED',
      'warn sluice: ScriptedExporter: delivering again after 3 failed attempts',
    ])
  })

  test('a gauge keeps its latest value with the time it was recorded in', async () => {
    const { exporter, meter, interval, counter } = pushPipeline()
    const gauge = meter.createGauge('gauge')
    exporter.answer = 'failBefore'
    counter.add(1)
    await interval()
    gauge.record(5)
    await interval()
    gauge.record(7)
    counter.add(1)
    await interval()
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    await interval()
    const merged = exporter.calls.at(-1)!.scopeMetrics[0]!.metrics
    const end = (name: string) => merged.find((metric) => metric.descriptor.name === name)!.dataPoints[0]!.endTime
    expect(exporter.receiver.total('gauge')).toBe(7)
    expect(end('gauge')[0]).toBe(end('counter')[0] - 1)
  })
})

describe('a batch that was resent', () => {
  test('counts as outcomeUnknown when it may have arrived', async () => {
    const { exporter, counter, interval, stats } = pushPipeline()
    exporter.answer = 'failAfter'
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    await interval()
    expect(stats().outcomeUnknown).toBe(1)
    expect(exporter.receiver.resentIdentical).toBe(1)
  })

  test('does not when the connection was refused', async () => {
    const { exporter, counter, interval, stats } = pushPipeline()
    exporter.answer = 'failBefore'
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    await interval()
    expect(stats().outcomeUnknown).toBe(0)
  })
})

describe('a parcel larger than maxExportBatchSize', () => {
  test('is several batches, none larger', async () => {
    const { exporter, counter, interval } = pushPipeline(undefined, { maxExportBatchSize: 3 })
    for (let n = 0; n < 8; n++) counter.add(1, { n })
    await interval()
    expect(exporter.calls.map((call) => call.scopeMetrics[0]!.metrics[0]!.dataPoints.length)).toEqual([3, 3, 2])
  })

  test('stops at the first batch that must be sent again and resends only what is unfinished', async () => {
    const { exporter, counter, interval, stats } = pushPipeline(undefined, { maxExportBatchSize: 1 })
    for (let n = 0; n < 4; n++) counter.add(1, { n })
    const original = exporter.export.bind(exporter)
    let calls = 0
    exporter.export = (metrics, done) => {
      exporter.answer = ++calls === 3 ? 'failBefore' : 'success'
      original(metrics, done)
    }
    await interval()
    expect(stats()).toMatchObject({ attempts: 3, deliveredPoints: 2, pendingPoints: 2 })
    await interval()
    const sent = exporter.calls.map((call) => call.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.attributes.n)
    expect(sent).toEqual([0, 1, 2, 2, 3])
    expect(stats()).toMatchObject({ attempts: 5, deliveredPoints: 4, pendingPoints: 0 })
  })
})

describe('a batch that is rejected for good', () => {
  test('is dropped once, counted and reported, and what follows goes on', async () => {
    const { exporter, counter, interval, stats } = pushPipeline()
    exporter.answer = 'reject'
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    counter.add(2)
    await interval()
    expect(exporter.calls).toHaveLength(2)
    expect(exporter.receiver.total('counter')).toBe(2)
    expect(stats()).toMatchObject({ deliveredPoints: 1, lostPoints: { rejected: 1, shutdown: 0 }, pendingPoints: 0 })
    expect(log).toEqual([
      'error sluice: ScriptedExporter: 1 points were rejected for good and are dropped: HTTP 400: Bad Request',
    ])
  })
})

test('empty collections export nothing', async () => {
  const { exporter, interval, reader } = pushPipeline()
  await interval()
  await reader.forceFlush()
  expect(exporter.calls).toEqual([])
  expect(exporter.forceFlushes).toBe(1)
})
