import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, type MetricProcessor } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

const INTERVAL = 1_000
const halve: MetricProcessor = { name: 'halve', processAttributes: ({ n }) => ({ n: Math.floor((n as number) / 2) }) }
const SETS = Array.from({ length: 12 }, (_, n) => n)

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), n: fc.constantFrom(...SETS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('interval', 'flush', 'collect', 'outage', 'recovery') }) },
)

test.each([
  ['as it is', []],
  ['through a processor that makes series equal', [halve]],
])('with few series allowed and many recorded, every count arrives %s, once', async (_how, processors) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), async (steps, limit) => {
      const exporters = [AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE].map(
        (t) => new ScriptedExporter(t),
      )
      const reader = new BufferingMetricReader({
        adapters: exporters.map((exporter, i) => new PushExporterAdapter(exporter, { name: `${i}` })),
        exportIntervalMillis: INTERVAL,
        cardinalityLimits: { default: limit },
        processors,
      })
      const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
      let recorded = 0
      for (const each of steps) {
        if (each.do === 'add') {
          counter.add(1, { n: each.n })
          recorded++
        } else if (each.do === 'interval') await vi.advanceTimersByTimeAsync(INTERVAL)
        else if (each.do === 'flush') await reader.flush()
        else if (each.do === 'collect') await reader.collect()
        else for (const exporter of exporters) exporter.answer = each.do === 'outage' ? 'failBefore' : 'success'
      }
      for (const exporter of exporters) exporter.answer = 'success'
      await reader.forceFlush()
      for (const { receiver, calls } of exporters) {
        const series = [...SETS.map((n) => ({ n })), { 'otel.metric.overflow': true }]
        expect(series.reduce((sum, attributes) => sum + receiver.total('counter', attributes), 0)).toBe(recorded)
        expect(receiver.violations).toEqual([])
        // Neither more series than the limit and the overflow series in one export, nor one of them twice.
        for (const call of calls) {
          const sent = call.scopeMetrics[0]!.metrics[0]!.dataPoints.map((point) => JSON.stringify(point.attributes))
          expect(sent.length).toBeLessThanOrEqual(limit + 1)
          expect(new Set(sent).size).toBe(sent.length)
        }
      }
      // Known are those that the view holds, those of two generations, and nothing else.
      expect(reader.stats().series).toBeLessThanOrEqual(3 * (limit + 1))
      await reader.shutdown()
    }),
    { numRuns: 300 },
  )
})
