import { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

test('after a failure the newer sum is sent in place of the older one', async () => {
  const { exporter, counter, interval, stats } = pushPipeline(new ScriptedExporter(AggregationTemporality.CUMULATIVE))
  exporter.answer = 'failBefore'
  counter.add(1)
  await interval()
  counter.add(2)
  exporter.answer = 'success'
  await interval()
  const values = exporter.calls.map((call) => call.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.value)
  expect(values).toEqual([1, 3])
  expect(stats()).toMatchObject({ offeredPoints: 2, supersededPoints: 1, deliveredPoints: 1, pendingPoints: 0 })
})

test('an older sum is never sent after a newer one, also when it hangs and fails late', async () => {
  const { exporter, counter, interval } = pushPipeline(new ScriptedExporter(AggregationTemporality.CUMULATIVE))
  exporter.answer = 'hang'
  counter.add(1)
  await interval()
  counter.add(2)
  await interval()
  exporter.hanging[0]!.fail()
  exporter.answer = 'success'
  await interval()
  const values = exporter.calls.map((call) => call.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.value)
  // The delivery that waited for it goes on with the newer sum at once, and the next interval sends it again as always.
  expect(values).toEqual([1, 3, 3])
})

test('a delta preference is not all delta: UpDownCounters stay cumulative beside it, in one parcel', async () => {
  const exporter = new ScriptedExporter((kind) =>
    kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
  )
  const { meter, counter, interval, stats } = pushPipeline(exporter)
  const upDown = meter.createUpDownCounter('upDown')
  exporter.answer = 'failBefore'
  counter.add(1)
  upDown.add(5)
  await interval()
  counter.add(2)
  upDown.add(-2)
  exporter.answer = 'success'
  await interval()
  expect(exporter.receiver.violations).toEqual([])
  expect(exporter.receiver.windows('counter').map((window) => window.value)).toEqual([1, 2])
  expect(exporter.receiver.total('upDown')).toBe(3)
  expect(stats()).toMatchObject({ supersededPoints: 1, pendingPoints: 0 })
})

test('the start of a series repeats in every export', async () => {
  const { exporter, counter, interval } = pushPipeline(new ScriptedExporter(AggregationTemporality.CUMULATIVE))
  for (let i = 0; i < 3; i++) {
    counter.add(1)
    await interval()
  }
  const starts = exporter.calls.map((call) => call.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.startTime)
  expect(starts[1]).toEqual(starts[0])
  expect(starts[2]).toEqual(starts[0])
})

test('a sealed parcel never changes: its later batches show the sums of the time it was sealed', async () => {
  const exporter = new ScriptedExporter(AggregationTemporality.CUMULATIVE)
  const { counter, interval, reader } = pushPipeline(exporter, { maxExportBatchSize: 1 })
  exporter.answer = 'hang'
  counter.add(1, { n: 1 })
  counter.add(1, { n: 2 })
  await interval()
  counter.add(5, { n: 2 })
  await reader.flush()
  exporter.answer = 'success'
  exporter.hanging[0]!.succeed()
  await vi.advanceTimersByTimeAsync(0)
  const points = exporter.calls.map((call) => call.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!)
  expect(points.map((point) => [point.attributes.n, point.value])).toEqual([
    [1, 1],
    [2, 1],
  ])
  expect(points[1]!.endTime).toEqual(points[0]!.endTime)
})

test('points are superseded only by points: while the delta section fails, the last capture is still held', async () => {
  const exporter = new ScriptedExporter((kind) =>
    kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
  )
  const { meter, counter, interval, stats, reader } = pushPipeline(exporter)
  exporter.answer = 'failBefore'
  counter.add(1)
  meter.createUpDownCounter('upDown').add(5)
  await interval()
  await interval()
  expect(stats()).toMatchObject({ supersededPoints: 0, pendingPoints: 2 })
  await expect(reader.shutdown()).rejects.toThrow('shutdown lost 2 points (ScriptedExporter: 2)')
})
