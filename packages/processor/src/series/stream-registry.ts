import type { Attributes } from '@opentelemetry/api'
import {
  DataPointType,
  type HistogramMetricData,
  InstrumentType,
  type MetricData,
  type MetricDescriptor,
} from '@opentelemetry/sdk-metrics'
import { MOST_BOUNDARIES } from '../aggregation/bucket-search.ts'
import type { StreamAggregation } from '../aggregation/cells.ts'
import { shown } from '../core/describe.ts'
import { AttributeCheck } from './attribute-check.ts'
import { type CardinalityLimits, isOverflow, limitOf } from './cardinality.ts'
import { Mishaps } from './mishaps.ts'
import { type InstrumentationScope, Stream } from './stream.ts'
import { readableBoundaries, readableDescriptor, readableScope } from './stream-identity.ts'

/** All streams of one reader, found by their identity. */
export class StreamRegistry {
  readonly #streams = new Map<string, Stream>()
  /** One for all streams that are of it. */
  readonly #scopes = new Map<string, InstrumentationScope>()
  readonly #scopeCheck = new AttributeCheck(new Mishaps('the attributes of a scope'), {}, 'any')

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
    const aggregation = aggregationOf(metric)
    const stream = this.stream(scope, metric.descriptor, kind, aggregation, limitOf(limits, kind))
    const count = metric.dataPoints.length
    if (metric.dataPointType === DataPointType.HISTOGRAM && readableBoundaries(boundariesOf(metric)) === undefined) {
      const cause = `the boundaries of a histogram must be at most ${MOST_BOUNDARIES} numbers`
      stream.mishaps.mended(cause, boundariesOf(metric), 'its buckets are left out')
    }
    if (count > stream.limit) stream.limit = hasOverflowPoint(metric) ? count - 1 : count
    return stream
  }

  /**
   * The stream of this identity, made at first sight; with this description, and at least this limit, from now on. What is to
   * be text and is not is made text, which is said once.
   */
  stream(
    givenScope: InstrumentationScope,
    givenDescriptor: MetricDescriptor,
    kind: InstrumentType,
    aggregation: StreamAggregation,
    limit: number,
  ): Stream {
    const scope = readableScope(givenScope, this.#scopeCheck)
    const descriptor = readableDescriptor(givenDescriptor)
    const scopeKey = JSON.stringify([
      scope.name,
      scope.version ?? '',
      scope.schemaUrl ?? '',
      // Not of the SDK, whose scopes have none; a producer's may.
      (scope as { readonly attributes?: unknown }).attributes ?? '',
    ])
    const key = JSON.stringify([
      scopeKey,
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
      stream = new Stream(this.#sharedScope(scopeKey, scope), descriptor, kind, aggregation, limit)
      this.#streams.set(key, stream)
      if (descriptor !== givenDescriptor) reportMended(stream, givenDescriptor)
    }
    stream.limit = Math.max(stream.limit, limit)
    stream.describe(descriptor)
    return stream
  }

  #sharedScope(key: string, scope: InstrumentationScope): InstrumentationScope {
    let shared = this.#scopes.get(key)
    if (shared === undefined) {
      shared = Object.freeze(scope)
      this.#scopes.set(key, shared)
    }
    return shared
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
    case DataPointType.HISTOGRAM:
      return { type: DataPointType.HISTOGRAM, boundaries: readableBoundaries(boundariesOf(metric)) ?? [] }
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return { type: DataPointType.EXPONENTIAL_HISTOGRAM }
  }
}

/** Those of its points, which have the same. @throws TypeError where no point shows any */
function boundariesOf(metric: HistogramMetricData): readonly unknown[] {
  const boundaries = firstOf(metric.dataPoints, (point): readonly unknown[] => point.value.buckets.boundaries)
  if (boundaries === undefined) throw new TypeError('no point of the histogram has buckets')
  return boundaries
}

function reportMended(stream: Stream, given: MetricDescriptor): void {
  for (const field of ['name', 'description', 'unit'] as const) {
    const value: unknown = given[field]
    const text = stream.descriptor[field]
    if (value === text || (value == null && text === '')) continue
    stream.mishaps.mended(
      `the ${field} of an instrument must be text that is not too long`,
      value,
      `it is ${shown(text)}`,
    )
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
