import type { Meter } from '@opentelemetry/api'
import { MeterProvider, PeriodicExportingMetricReader, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { type ExportedPoint, RecordingExporter } from './exported.ts'
import type { Temporality } from './program.ts'

/** Both readers on one MeterProvider, ours flushed first, for the differences between them that are meant. */
export interface SideBySide {
  readonly meter: Meter
  flush(): Promise<{ readonly ours: readonly ExportedPoint[]; readonly stock: readonly ExportedPoint[] }>
  end(): Promise<void>
}

export function sideBySide(temporality: Temporality, views: ViewOptions[] = []): SideBySide {
  const exporters = { ours: new RecordingExporter(temporality), stock: new RecordingExporter(temporality) }
  const ours = new BufferingMetricReader({ adapters: [new PushExporterAdapter(exporters.ours)] })
  const stock = new PeriodicExportingMetricReader({ exporter: exporters.stock })
  const provider = new MeterProvider({ readers: [ours, stock], views })
  return {
    meter: provider.getMeter('differences'),
    flush: async () => {
      await ours.forceFlush()
      await stock.forceFlush()
      return { ours: exporters.ours.take(), stock: exporters.stock.take() }
    },
    end: () => provider.shutdown(),
  }
}

/** The values of an export, in the order of the points. */
export function values(points: readonly ExportedPoint[]): unknown[] {
  return points.map(({ value }) => value)
}

/** Our reader fed through a buffer, and the SDK's on a MeterProvider of its own, with the same views. */
export interface BufferBesideSdk {
  readonly meters: { readonly ours: Meter; readonly stock: Meter }
  /** A turn of our reader that exports nothing. */
  turn(): Promise<void>
  flush(): Promise<{ readonly ours: readonly ExportedPoint[]; readonly stock: readonly ExportedPoint[] }>
  end(): Promise<void>
}

export function bufferBesideSdk(temporality: Temporality, views: ViewOptions[] = []): BufferBesideSdk {
  const exporters = { ours: new RecordingExporter(temporality), stock: new RecordingExporter(temporality) }
  const buffer = new MetricsBuffer({ views })
  const ours = new BufferingMetricReader({ adapters: [new PushExporterAdapter(exporters.ours)], buffer })
  const stock = new PeriodicExportingMetricReader({ exporter: exporters.stock })
  const providers = [new MeterProvider({ readers: [ours] }), new MeterProvider({ readers: [stock], views })] as const
  return {
    meters: { ours: buffer.getMeter('differences'), stock: providers[1].getMeter('differences') },
    turn: () => ours.flush(),
    flush: async () => {
      await ours.forceFlush()
      await stock.forceFlush()
      return { ours: exporters.ours.take(), stock: exporters.stock.take() }
    },
    end: async () => {
      for (const provider of providers) await provider.shutdown()
    },
  }
}
