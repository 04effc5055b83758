// A strict consumer of everything our packages declare. It is only compiled.
import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  AggregationType,
  ConsoleMetricExporter,
  InMemoryMetricExporter,
  type InstrumentType,
  MeterProvider,
} from '@opentelemetry/sdk-metrics'
import {
  PullExporterAdapter,
  PushExporterAdapter,
  type PushExporterAdapterOptions,
} from '@otel-sluice/exporter-adapter'
import {
  type AdapterStats,
  type AttachedReader,
  BufferingMetricReader,
  type BufferingMetricReaderOptions,
  type Cell,
  type CumulativeView,
  type ExporterAdapter,
  Fold,
  type FoldedPoint,
  type InstrumentationScope,
  type LossReason,
  type ReaderStats,
  type Series,
  type Stream,
  type UnixMicros,
  type Window,
} from '@otel-sluice/processor'

const pushOptions: PushExporterAdapterOptions = { name: 'console', exportIntervalMillis: 1000, maxExportBatchSize: 100 }
const push = new PushExporterAdapter(new ConsoleMetricExporter(), pushOptions)
const delta = new PushExporterAdapter(new InMemoryMetricExporter(AggregationTemporality.DELTA))
const pull = new PullExporterAdapter(new PrometheusExporter({ preventServerStart: true }))

// The types have to refuse what the constructors refuse: each line below fails this check if it compiles.
// @ts-expect-error a push exporter does not fit a pull adapter
new PullExporterAdapter(new ConsoleMetricExporter())
// @ts-expect-error an interval is a number of milliseconds, not a text
new PushExporterAdapter(new ConsoleMetricExporter(), { exportIntervalMillis: '1s' })
// @ts-expect-error a name is no adapter
new BufferingMetricReader({ adapters: ['console'] })
// @ts-expect-error an option that is misspelt would be ignored without a word
new BufferingMetricReader({ adapters: [push], exportIntervalMilis: 1 })

/** An adapter of one's own, with only what is exported. */
class SizeAdapter implements ExporterAdapter {
  readonly name = 'SizeAdapter'
  #reader: AttachedReader | undefined
  #open = new Fold()
  #offered = 0
  #merged = 0

  selectAggregationTemporality(_kind: InstrumentType): AggregationTemporality {
    return AggregationTemporality.DELTA
  }

  selectAggregation(_kind: InstrumentType) {
    return { type: AggregationType.DEFAULT } as const
  }

  attach(reader: AttachedReader): void {
    this.#reader = reader
  }

  absorb(series: Series, cell: Cell, window: Window): void {
    this.#offered++
    if (this.#open.absorb(series, cell, window)) this.#merged++
    const stream: Stream = series.stream
    const scope: InstrumentationScope = stream.scope
    const end: UnixMicros = window.endUnixMicros
    console.log(scope.name, stream.descriptor.name, end satisfies number)
  }

  async deliver({ force }: { readonly force: boolean }): Promise<void> {
    const reader = this.#reader
    if (reader === undefined || force) return
    const view: CumulativeView = reader.cumulative
    await reader.betweenTurns(() => view.visit((point: FoldedPoint) => console.log(point.cell.toValue())))
  }

  async shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    console.log(timeoutMillis.toFixed())
  }

  stats(): AdapterStats {
    return { ...pull.stats(), offeredPoints: this.#offered, mergedPoints: this.#merged, pendingPoints: this.#open.size }
  }
}

const options: BufferingMetricReaderOptions = {
  adapters: [push, delta, pull, new SizeAdapter()],
  exportIntervalMillis: 1000,
  minFlushAgeMillis: 10,
  aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
}
const reader = new BufferingMetricReader(options)
const provider = new MeterProvider({ readers: [reader] })
metrics.setGlobalMeterProvider(provider)

const stats: ReaderStats = reader.stats()
const reason: LossReason = 'shutdown'
// @ts-expect-error a count is a number: fails this check if stats were typed as any
const turns: string = stats.turns
console.log(turns, stats.adapters[0]?.stats.lostPoints[reason].toFixed(), stats.lastTurn?.durationMillis)

export async function end(): Promise<void> {
  await reader.flush()
  await reader.forceFlush({ timeoutMillis: 1000 })
  const { resourceMetrics } = await reader.collect()
  console.log(resourceMetrics.scopeMetrics.length)
  await provider.shutdown()
}
