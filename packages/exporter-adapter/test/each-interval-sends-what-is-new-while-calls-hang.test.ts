import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => vi.useRealTimers())

test.each([
  [undefined, undefined],
  [1_000, undefined],
  [999, undefined],
  [undefined, 1],
])('with an exportTimeoutMillis of %s and a maxExportBatchSize of %s', async (exportTimeoutMillis, most) => {
  const exporter = new ScriptedExporter()
  exporter.answer = 'hang'
  const adapter = new PushExporterAdapter(exporter, most === undefined ? {} : { maxExportBatchSize: most })
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    exportIntervalMillis: 1_000,
    ...(exportTimeoutMillis !== undefined && { exportTimeoutMillis }),
  })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  await vi.advanceTimersByTimeAsync(500)
  for (let i = 0; i < 8; i++) {
    counter.add(1)
    const before = exporter.calls.length
    await vi.advanceTimersByTimeAsync(1_000)
    expect(exporter.calls.length, `interval ${i}`).toBe(before + 1)
  }
})
