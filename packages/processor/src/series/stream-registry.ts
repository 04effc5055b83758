import type { Attributes } from '@opentelemetry/api'
import { DataPointType, InstrumentType, type MetricData, type MetricDescriptor } from '@opentelemetry/sdk-metrics'
import type { StreamAggregation } from '../aggregation/cells.ts'
import { type CardinalityLimits, isOverflow, limitOf } from './cardinality.ts'
import { type InstrumentationScope, Stream } from './stream.ts'

/** All streams of one reader, found by their identity. */
export class StreamRegistry {
  readonly #streams = new Map<string, Stream>()

  get size(): number {
    return this.#streams.size
  }

  /** How many series all streams have together. */
  get seriesCount(): number {
    let count = 0
    for (const stream of this.#streams.values()) count += stream.size
    return count
  }

  /** The stream a collected metric belongs to, made at first sight. */
  streamOf(scope: InstrumentationScope, metric: MetricData, limits: CardinalityLimits): Stream {
    const kind = instrumentKind(metric)
    const stream = this.stream(scope, metric.descriptor, kind, aggregationOf(metric), limitOf(limits, kind))
    const count = metric.dataPoints.length
    if (count > stream.limit) stream.limit = hasOverflowPoint(metric) ? count - 1 : count
    return stream
  }

  /** The stream of this identity, made at first sight; with this description, and at least this limit, from now on. */
  stream(
    scope: InstrumentationScope,
    descriptor: MetricDescriptor,
    kind: InstrumentType,
    aggregation: StreamAggregation,
    limit: number,
  ): Stream {
    const key = JSON.stringify([
      scope.name,
      scope.version ?? '',
      scope.schemaUrl ?? '',
      // Not of the SDK, whose scopes have none; a producer's may.
      (scope as { readonly attributes?: unknown }).attributes ?? '',
      descriptor.name,
      descriptor.unit,
      descriptor.valueType,
      kind,
      aggregation.type,
      aggregation.type === DataPointType.SUM && aggregation.isMonotonic,
      aggregation.type === DataPointType.HISTOGRAM && aggregation.boundaries,
    ])
    let stream = this.#streams.get(key)
    if (stream === undefined) {
      stream = new Stream(scope, descriptor, kind, aggregation, limit)
      this.#streams.set(key, stream)
    }
    stream.limit = Math.max(stream.limit, limit)
    stream.describe(descriptor)
    return stream
  }
}

const KINDS = new Set(Object.values(InstrumentType))

/**
 * The instrument kind. SDK 2 and 3 put it on the descriptor as `type`, though their declarations leave it out; where it
 * is missing or unknown it follows from the data. A gauge of unknown origin counts as observed, so that it ends with its source.
 */
function instrumentKind(metric: MetricData): InstrumentType {
  const declared = (metric.descriptor as { type?: InstrumentType }).type
  if (declared !== undefined && KINDS.has(declared)) return declared
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic ? InstrumentType.COUNTER : InstrumentType.UP_DOWN_COUNTER
    case DataPointType.GAUGE:
      return InstrumentType.OBSERVABLE_GAUGE
    default:
      return InstrumentType.HISTOGRAM
  }
}

function aggregationOf(metric: MetricData): StreamAggregation {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return { type: DataPointType.SUM, isMonotonic: metric.isMonotonic }
    case DataPointType.GAUGE:
      return { type: DataPointType.GAUGE }
    case DataPointType.HISTOGRAM: {
      const boundaries = firstOf(metric.dataPoints, (point) => point.value.buckets.boundaries.slice())
      if (boundaries === undefined) throw new TypeError('no point of the histogram has buckets')
      return { type: DataPointType.HISTOGRAM, boundaries }
    }
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return { type: DataPointType.EXPONENTIAL_HISTOGRAM }
  }
}

function hasOverflowPoint(metric: MetricData): boolean {
  const points: readonly { readonly attributes: Attributes }[] = metric.dataPoints
  return firstOf(points, ({ attributes }) => isOverflow(attributes) || undefined) ?? false
}

/** What the first point shows that can be read and shows anything. One that cannot is left out when it is folded. */
function firstOf<Point, Shown>(points: readonly Point[], show: (point: Point) => Shown | undefined): Shown | undefined {
  for (const point of points) {
    try {
      const shown = show(point)
      if (shown !== undefined) return shown
    } catch {
      // A getter, or no point at all.
    }
  }
  return undefined
}
