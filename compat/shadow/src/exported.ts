import type { HrTime } from '@opentelemetry/api'
import {
  type AggregationOption,
  AggregationTemporality,
  AggregationType,
  type DataPoint,
  DataPointType,
  type Histogram,
  InstrumentType,
  type MetricData,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Temporality } from './program.ts'

/** A data point with everything around it. */
export interface ExportedPoint {
  /** Which series it is: two points of one export never share it. */
  readonly key: string
  /** All that has to be the same beside the value: scope, descriptor, temporality, boundaries …, as text. */
  readonly frame: string
  readonly kind: InstrumentType
  readonly type: DataPointType
  readonly temporality: AggregationTemporality
  readonly value: unknown
  readonly startMicros: number
  readonly endMicros: number
}

/** Keeps what it is given, point by point, until it is taken. */
export class RecordingExporter implements PushMetricExporter {
  /** Those that differ: an exporter may be given another object each time. */
  readonly #resources = new Map<string, ResourceMetrics['resource']>()
  readonly #temporality: Temporality
  readonly #histograms: 'explicit' | 'exponential'
  #points: ExportedPoint[] = []

  constructor(temporality: Temporality, histograms: 'explicit' | 'exponential' = 'explicit') {
    this.#temporality = temporality
    this.#histograms = histograms
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    const isDelta = this.#temporality === 'lowMemory' ? DELTA_IN_LOW_MEMORY.has(kind) : this.#temporality === 'delta'
    return isDelta ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE
  }

  selectAggregation(kind: InstrumentType): AggregationOption {
    return this.#histograms === 'exponential' && kind === InstrumentType.HISTOGRAM
      ? { type: AggregationType.EXPONENTIAL_HISTOGRAM }
      : { type: AggregationType.DEFAULT }
  }

  export({ resource, scopeMetrics }: ResourceMetrics, done: (result: { code: number }) => void): void {
    this.#resources.set(canonical([resource.attributes, resource.schemaUrl]), resource)
    for (const { scope, metrics } of scopeMetrics) {
      for (const metric of metrics) {
        for (const point of metric.dataPoints) this.#points.push(exportedPoint(scope, metric, point))
      }
    }
    done({ code: 0 })
  }

  get resources(): Iterable<ResourceMetrics['resource']> {
    return this.#resources.values()
  }

  /** What was exported since the last time. */
  take(): ExportedPoint[] {
    const points = this.#points
    this.#points = []
    return points
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

const DELTA_IN_LOW_MEMORY: ReadonlySet<InstrumentType> = new Set([InstrumentType.COUNTER, InstrumentType.HISTOGRAM])

function exportedPoint(scope: unknown, metric: MetricData, point: DataPoint<unknown>): ExportedPoint {
  const { dataPointType, aggregationTemporality, descriptor } = metric
  const kind = (descriptor as { type?: InstrumentType }).type!
  const value = structuredClone(point.value)
  const boundaries = dataPointType === DataPointType.HISTOGRAM ? (value as Histogram).buckets.boundaries : undefined
  const { name, unit, valueType } = descriptor
  return {
    key: canonical([scope, name, unit, valueType, kind, dataPointType, boundaries, point.attributes]),
    frame: canonical({ ...metric, dataPoints: [] }),
    kind,
    type: dataPointType,
    temporality: aggregationTemporality,
    value,
    startMicros: micros(point.startTime),
    endMicros: micros(point.endTime),
  }
}

function micros([seconds, nanos]: HrTime): number {
  return seconds * 1e6 + nanos / 1e3
}

/** Text that is the same exactly when two values are, whatever the order of their keys; unlike JSON for any value. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${Array.from(value, canonical).join()}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.keys(value).sort()
    return `{${fields.map((field) => `${JSON.stringify(field)}:${canonical(value[field as never])}`).join()}}`
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
