import type { Attributes, Meter, MetricOptions } from '@opentelemetry/api'
import {
  type AggregationSelector,
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  MeterProvider,
  type MetricData,
  MetricReader,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope } from '../../src/series/stream.ts'

/** A stream as it shows in what is collected. */
export interface ShownStream {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly kind: InstrumentType
  readonly valueType: number
  readonly attributes: Attributes
  readonly aggregation: Readonly<Record<string, unknown>> & { readonly type: string }
}

export interface InstrumentSpec {
  readonly name: string
  readonly kind: InstrumentType
  readonly options: MetricOptions | undefined
}

export const isObservable = (kind: InstrumentType): boolean => kind.startsWith('OBSERVABLE')

class Reader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

/** The streams in which an SDK with these views shows the instrument, once these values were recorded. */
export async function sdkStreams(
  views: readonly ViewOptions[],
  scope: InstrumentationScope,
  { name, kind, options }: InstrumentSpec,
  aggregationSelector: AggregationSelector,
  values: readonly number[],
  attributes: Attributes,
): Promise<ShownStream[]> {
  const reader = new Reader({
    aggregationSelector,
    aggregationTemporalitySelector: () => AggregationTemporality.DELTA,
  })
  const provider = new MeterProvider({ views: [...views], readers: [reader] })
  const meter = provider.getMeter(
    scope.name,
    scope.version,
    scope.schemaUrl === undefined ? undefined : { schemaUrl: scope.schemaUrl },
  )
  RECORD[kind](meter, name, options, values, attributes)
  const { resourceMetrics } = await reader.collect()
  await provider.shutdown()
  return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics).flatMap(shown)
}

type Recording = (
  meter: Meter,
  name: string,
  options: MetricOptions | undefined,
  values: readonly number[],
  attributes: Attributes,
) => void

const observe =
  (create: 'createObservableCounter' | 'createObservableUpDownCounter' | 'createObservableGauge'): Recording =>
  (meter, name, options, values, attributes) =>
    meter[create](name, options).addCallback((result) => {
      for (const value of values) result.observe(value, attributes)
    })

const RECORD: Record<InstrumentType, Recording> = {
  [InstrumentType.COUNTER]: (meter, name, options, values, attributes) => {
    const counter = meter.createCounter(name, options)
    for (const value of values) counter.add(value, attributes)
  },
  [InstrumentType.UP_DOWN_COUNTER]: (meter, name, options, values, attributes) => {
    const counter = meter.createUpDownCounter(name, options)
    for (const value of values) counter.add(value, attributes)
  },
  [InstrumentType.GAUGE]: (meter, name, options, values, attributes) => {
    const gauge = meter.createGauge(name, options)
    for (const value of values) gauge.record(value, attributes)
  },
  [InstrumentType.HISTOGRAM]: (meter, name, options, values, attributes) => {
    const histogram = meter.createHistogram(name, options)
    for (const value of values) histogram.record(value, attributes)
  },
  [InstrumentType.OBSERVABLE_COUNTER]: observe('createObservableCounter'),
  [InstrumentType.OBSERVABLE_UP_DOWN_COUNTER]: observe('createObservableUpDownCounter'),
  [InstrumentType.OBSERVABLE_GAUGE]: observe('createObservableGauge'),
}

function shown(metric: MetricData): ShownStream[] {
  const { name, unit, description, valueType, type } = metric.descriptor as typeof metric.descriptor & {
    type: InstrumentType
  }
  const aggregation = shownAggregation(metric, type)
  return metric.dataPoints.map(({ attributes }) => ({
    name,
    unit,
    description,
    kind: type,
    valueType,
    attributes,
    aggregation,
  }))
}

function shownAggregation(metric: MetricData, kind: InstrumentType): ShownStream['aggregation'] {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return { type: 'sum', isMonotonic: metric.isMonotonic }
    case DataPointType.GAUGE:
      return { type: 'last-value' }
    case DataPointType.HISTOGRAM: {
      const { buckets, min } = metric.dataPoints[0]!.value
      return { type: 'explicit', boundaries: buckets.boundaries, recordMinMax: min !== undefined }
    }
    case DataPointType.EXPONENTIAL_HISTOGRAM: {
      // The maximum size is not in the data, but the scale that it leads to is. What is observed is merged by the SDK, at
      // the cost of scale, once for each view that shares the stream.
      const { scale, min } = metric.dataPoints[0]!.value
      const recordMinMax = min !== undefined
      return isObservable(kind) ? { type: 'exponential', recordMinMax } : { type: 'exponential', scale, recordMinMax }
    }
  }
}
