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
  type BufferedCounter,
  type BufferedMeter,
  BufferingMetricReader,
  type BufferingMetricReaderOptions,
  type CumulativeView,
  type Exemplar,
  type ExporterAdapter,
  Fold,
  type Generation,
  type InstrumentationScope,
  type LossReason,
  MetricsBuffer,
  type MetricsBufferOptions,
  type PointValue,
  type ReaderStats,
  type Series,
  type Stream,
  type StreamPoints,
  type UnixMicros,
} from '@otel-sluice/processor'

const pushOptions: PushExporterAdapterOptions = { name: 'console', exportIntervalMillis: 1000, maxExportBatchSize: 100 }
const push = new PushExporterAdapter(new ConsoleMetricExporter(), pushOptions)
const delta = new PushExporterAdapter(new InMemoryMetricExporter(AggregationTemporality.DELTA))
const pull = new PullExporterAdapter(new PrometheusExporter({ preventServerStart: true }))

// The types have to refuse what the constructors refuse. Each `@ts-expect-error` of this file is such a test: the compiler
// reports it as unused, and so fails this check, once the line after it compiles. What follows it says why that must not be.
// @ts-expect-error a push exporter does not fit a pull adapter
new PullExporterAdapter(new ConsoleMetricExporter())
// @ts-expect-error an interval is a number of milliseconds, not a text
new PushExporterAdapter(new ConsoleMetricExporter(), { exportIntervalMillis: '1s' })
// @ts-expect-error a name is no adapter
new BufferingMetricReader({ adapters: ['console'] })
// @ts-expect-error an option that is misspelt would be ignored without a word
new BufferingMetricReader({ adapters: [push], exportIntervalMilis: 1 })
// @ts-expect-error there is no such filter
new MetricsBuffer({ exemplarFilter: 'sometimes' })

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

  absorb(series: Series, generation: Generation): void {
    this.#offered++
    if (this.#open.absorb(series, generation)) this.#merged++
    const stream: Stream = series.stream
    const scope: InstrumentationScope = stream.scope
    const end: UnixMicros = generation.endUnixMicros
    const value: PointValue = generation.valueOf(series)
    const [example]: readonly Exemplar[] = generation.exemplarsOf(series)
    console.log(scope.name, stream.descriptor.name, end satisfies number, value, example?.traceId)
  }

  async deliver({ force }: { readonly force: boolean }): Promise<void> {
    const reader = this.#reader
    if (reader === undefined || force) return
    const view: CumulativeView = reader.cumulative
    const captured: StreamPoints[] = await reader.betweenTurns(() => view.capture(({ scope }) => scope.name !== ''))
    for (const points of captured) {
      await reader.inSlices(points.size, (i) => console.log(points.series[i]?.attributes, points.valueOf(i)))
    }
  }

  async shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    console.log(timeoutMillis.toFixed())
  }

  stats(): AdapterStats {
    return { ...pull.stats(), offeredPoints: this.#offered, mergedPoints: this.#merged, pendingPoints: this.#open.size }
  }
}

const bufferOptions: MetricsBufferOptions = {
  views: [{ instrumentName: 'shop.*', aggregationCardinalityLimit: 10 }],
  cardinalityLimits: { histogram: 100 },
  exemplarFilter: 'trace_based',
}
const options: BufferingMetricReaderOptions = {
  buffer: new MetricsBuffer(bufferOptions),
  adapters: [push, delta, pull, new SizeAdapter()],
  exportIntervalMillis: 1000,
  minFlushAgeMillis: 10,
  aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
}
const reader = new BufferingMetricReader(options)
const provider = new MeterProvider({ readers: [reader] })
metrics.setGlobalMeterProvider(provider)

const meter: BufferedMeter = reader.buffer.getMeter('shop')
const orders: BufferedCounter<{ item: string }> = meter
  .createCounter<{ item: string }>('shop.orders')
  .bind({ item: 'tea' })
orders.add(1)
// @ts-expect-error attributes that were declared may not be left out
orders.add(1, { size: 'large' })
metrics.setGlobalMeterProvider(reader.buffer)

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
