import { AggregationTemporality, InstrumentType, MeterProvider, type MetricProducer } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

const { DELTA, CUMULATIVE } = AggregationTemporality
const lowMemory = (kind: InstrumentType) =>
  kind === InstrumentType.COUNTER || kind === InstrumentType.HISTOGRAM ? DELTA : CUMULATIVE

test('five adapters of different intervals, temporalities and batch sizes share each collection, and each conserves', async () => {
  const outage = fc.record({ exporter: fc.nat(4), from: fc.nat(20), length: fc.integer({ min: 1, max: 20 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(outage, { maxLength: 4 }), async (outages) => {
      const exporters = [DELTA, CUMULATIVE, lowMemory, DELTA, lowMemory].map((each) => new ScriptedExporter(each))
      const options = [
        { exportIntervalMillis: 100, maxExportBatchSize: 1 },
        { exportIntervalMillis: 200, maxExportBatchSize: 2 },
        { exportIntervalMillis: 300, maxExportBatchSize: 3 },
        { exportIntervalMillis: 1_000 },
        { exportIntervalMillis: 5_000, maxExportBatchSize: 5 },
      ]
      const reader = new BufferingMetricReader({
        adapters: exporters.map((exporter, i) => new PushExporterAdapter(exporter, { name: `${i}`, ...options[i] })),
      })
      let collections = 0
      const register = reader.setMetricProducer.bind(reader)
      reader.setMetricProducer = (sdk: MetricProducer) =>
        register({
          collect: (collectOptions) => {
            collections++
            return sdk.collect(collectOptions)
          },
        })
      const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
      const counter = meter.createCounter('counter')
      const upDown = meter.createUpDownCounter('upDown')
      const TICKS = 40
      for (let tick = 0; tick < TICKS; tick++) {
        counter.add(1, { n: tick % 3 })
        upDown.add(tick % 2 === 0 ? 5 : -4)
        exporters.forEach((exporter, i) => {
          const isOut = outages.some(
            (each) => each.exporter === i && tick >= each.from && tick < each.from + each.length,
          )
          exporter.answer = isOut ? 'failBefore' : 'success'
        })
        await vi.advanceTimersByTimeAsync(100)
      }
      expect(collections).toBe(TICKS)
      expect(reader.stats().turns).toBe(TICKS)

      for (const exporter of exporters) exporter.answer = 'success'
      await reader.forceFlush()
      for (const [i, { receiver }] of exporters.entries()) {
        const total = [0, 1, 2].reduce((sum, n) => sum + receiver.total('counter', { n }), 0)
        expect([i, total, receiver.total('upDown')]).toEqual([i, TICKS, TICKS / 2])
        expect(receiver.violations).toEqual([])
        expect(reader.stats().adapters[i]!.stats.pendingPoints).toBe(0)
      }
      await reader.shutdown()
    }),
    { numRuns: 30 },
  )
})
