import type { Attributes } from '@opentelemetry/api'
import { InstrumentType, type MetricDescriptor, type ScopeMetrics } from '@opentelemetry/sdk-metrics'
import type { StreamAggregation } from '../aggregation/cell.ts'
import { attributeKey, copyAttributes } from './attribute-key.ts'
import { Series } from './series.ts'

/** Name, version and schema URL of the instrumentation that recorded. */
export type InstrumentationScope = ScopeMetrics['scope']

/**
 * Everything recorded under one scope, name, unit, value type, instrument kind and aggregation. Two instruments of one
 * name that differ in any of these are two streams.
 */
export class Stream {
  readonly scope: InstrumentationScope
  readonly kind: InstrumentType
  readonly aggregation: StreamAggregation
  /** As given by the SDK with the latest collection; its description is not part of the identity and may still change. */
  descriptor: MetricDescriptor
  /** Whether it is recorded by callbacks: then a series that was not observed in a turn is not exported from it. */
  readonly isAsynchronous: boolean
  readonly #series = new Map<string, Series>()

  constructor(
    scope: InstrumentationScope,
    descriptor: MetricDescriptor,
    kind: InstrumentType,
    aggregation: StreamAggregation,
  ) {
    this.scope = scope
    this.descriptor = descriptor
    this.kind = kind
    this.aggregation = aggregation
    this.isAsynchronous =
      kind === InstrumentType.OBSERVABLE_COUNTER ||
      kind === InstrumentType.OBSERVABLE_GAUGE ||
      kind === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER
  }

  /** How many attribute sets have been seen. */
  get size(): number {
    return this.#series.size
  }

  /** The series of these attributes, made at first sight from a copy of them. */
  seriesFor(attributes: Attributes): Series {
    const key = attributeKey(attributes)
    let series = this.#series.get(key)
    if (series === undefined) {
      series = new Series(this, copyAttributes(attributes))
      this.#series.set(key, series)
    }
    return series
  }
}
