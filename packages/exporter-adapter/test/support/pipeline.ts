import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter, type PushExporterAdapterOptions } from '@otel-sluice/exporter-adapter'
import { type AttachedReader, BufferingMetricReader } from '@otel-sluice/processor'
import { vi } from 'vitest'
import { ScriptedExporter } from './scripted-exporter.ts'

export const INTERVAL = 1_000
export const TIMEOUT = 500

/** No backoff to speak of: each interval tries again. */
export const AT_ONCE = { initialBackoffMillis: 1, maxBackoffMillis: 1 }

/** A provider, a reader and one push adapter in front of an exporter whose faults the test decides. Wants fake timers. */
export function pushPipeline<Exporter extends ScriptedExporter = ScriptedExporter>(
  exporter = new ScriptedExporter() as Exporter,
  options: PushExporterAdapterOptions = {},
  onAttach: (reader: AttachedReader) => void = () => {},
) {
  const adapter = new PushExporterAdapter(exporter, { retry: AT_ONCE, ...options })
  const attach = adapter.attach.bind(adapter)
  adapter.attach = (reader) => {
    onAttach(reader)
    attach(reader)
  }
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    exportIntervalMillis: INTERVAL,
    exportTimeoutMillis: TIMEOUT,
  })
  const provider = new MeterProvider({ readers: [reader] })
  const meter = provider.getMeter('test')
  return {
    exporter,
    reader,
    provider,
    meter,
    counter: meter.createCounter('counter'),
    stats: () => reader.stats().adapters[0]!.stats,
    /** Lets one interval pass: a turn and, if none is under way, a delivery. */
    interval: () => vi.advanceTimersByTimeAsync(INTERVAL),
  }
}
