import type { Attributes } from '@opentelemetry/api'
import { DataPointType, InstrumentType, type MetricDescriptor, type ScopeMetrics } from '@opentelemetry/sdk-metrics'
import type { Cells, StreamAggregation } from '../aggregation/cells.ts'
import { createCells } from '../aggregation/create-cells.ts'
import { AttributeCheck } from './attribute-check.ts'
import { AttributeIndex } from './attribute-index.ts'
import { copyAttributes } from './attribute-key.ts'
import { isOverflow, OVERFLOW_ATTRIBUTES } from './cardinality.ts'
import { Mishaps } from './mishaps.ts'
import { mostVariedAttribute } from './most-varied-attribute.ts'
import { report } from './report.ts'
import { ScalarSeries, Series } from './series.ts'
import { type FullDescriptor, readableAdvice } from './stream-identity.ts'

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
  #descriptor: MetricDescriptor
  /** Whether it is recorded by callbacks: then a series that was not observed in a turn is not exported from it. */
  readonly isAsynchronous: boolean
  /** @internal Whether a cell is one number, which lies in the series itself. */
  readonly isScalar: boolean
  /** @internal The cells of its series on either side of the double buffer, unless they lie in the series. */
  readonly sides: readonly [Cells, Cells] | undefined
  /**
   * Most attribute sets that one generation, or one fold, holds of this stream; what is beyond goes to {@link overflow}.
   * The limit of an SDK view is not in the data: it grows to the most series that one collection came with.
   */
  limit: number
  /** @internal Whether the fast instruments record into it. */
  isBuffered = false
  /** @internal The generation that last touched it, and how many series of it there are in that, without the overflow. */
  touchedGeneration = 0
  /** @internal */
  touchedSeries = 0
  /** @internal Changes whenever the set of {@link reserved} series does. */
  reservations = 0
  /** @internal */
  readonly index = new AttributeIndex()
  /** Made when it is needed: what the instruments of the buffer record has been through theirs. */
  #check: AttributeCheck | undefined
  readonly #reserved = new Map<Series, number>()
  readonly #freeRows: number[] = []
  #nextRow = 0
  #overflow: Series | undefined

  /** Scope and descriptor have to be readable ones (stream-identity.ts); the scope is kept as it is. */
  constructor(
    scope: InstrumentationScope,
    { name, description, unit, valueType, ...others }: FullDescriptor,
    kind: InstrumentType,
    aggregation: StreamAggregation,
    limit: number,
  ) {
    this.limit = limit
    this.scope = scope
    // With what the SDK puts there, too, though its declarations leave it out.
    const advice = 'advice' in others && { advice: readableAdvice(others.advice) }
    const descriptor = { name, description, unit, valueType, type: kind, ...advice }
    this.#descriptor = Object.freeze(descriptor)
    this.kind = kind
    this.aggregation = aggregation
    this.isAsynchronous =
      kind === InstrumentType.OBSERVABLE_COUNTER ||
      kind === InstrumentType.OBSERVABLE_GAUGE ||
      kind === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER
    this.isScalar = aggregation.type === DataPointType.SUM || aggregation.type === DataPointType.GAUGE
    const recordsSum = !MAY_BE_NEGATIVE.has(kind)
    this.sides = this.isScalar
      ? undefined
      : [createCells(aggregation, recordsSum), createCells(aggregation, recordsSum)]
  }

  /** As the latest collection gave it: its description is not part of the identity and may still change. */
  get descriptor(): MetricDescriptor {
    return this.#descriptor
  }

  /** @internal */
  describe({ description }: MetricDescriptor): void {
    if (description === this.#descriptor.description) return
    const descriptor = { ...this.#descriptor, description }
    this.#descriptor = Object.freeze(descriptor)
  }

  /** How many attribute sets are known. */
  get size(): number {
    return this.index.size
  }

  /** @internal {@link overflow}, if it was ever needed. */
  get overflowIfAny(): Series | undefined {
    return this.#overflow
  }

  /** The series that takes what is beyond the limit, the SDK's own overflow points among it. */
  get overflow(): Series {
    if (this.#overflow === undefined) {
      this.#overflow = this.#newSeries(OVERFLOW_ATTRIBUTES)
      const most = mostVariedAttribute(this.index)
      report(
        'warn',
        `sluice: ${this.descriptor.name} has more than ${this.limit} attribute sets at a time; what is beyond is added up ` +
          'under otel.metric.overflow=true. ' +
          (most === undefined ? '' : `${JSON.stringify(most.name)} has the most values, ${most.values}. `) +
          'Record fewer distinct attributes, drop some in a view, or raise cardinalityLimits',
      )
    }
    return this.#overflow
  }

  /** @internal How many series have a place in every generation, recorded or not: those of bound instruments. */
  get reservedSeries(): number {
    return this.#reserved.size
  }

  /** @internal Those series. */
  get reserved(): Iterable<Series> {
    return this.#reserved.keys()
  }

  /** @internal */
  hasReserved(series: Series): boolean {
    return this.#reserved.size > 0 && this.#reserved.has(series)
  }

  /** @internal Counts one more bound instrument of a series; it is not forgotten while there is one. */
  reserve(series: Series): void {
    series.hold()
    const count = this.#reserved.get(series) ?? 0
    if (count === 0) this.reservations++
    this.#reserved.set(series, count + 1)
  }

  /** @internal Counts one less; returns whether it was the last. The caller lets go of the series. */
  unreserve(series: Series): boolean {
    const count = this.#reserved.get(series)! - 1
    if (count > 0) {
      this.#reserved.set(series, count)
      return false
    }
    this.#reserved.delete(series)
    this.reservations++
    return true
  }

  /**
   * @internal The series of these attributes, whatever they are: what no attribute can be is left out, and reported once.
   *
   * @param hasRoom whether a series that is not known yet may be made; else it is {@link overflow}
   */
  seriesFor(attributes: Attributes, hasRoom: boolean): Series {
    try {
      // Of a text all characters are names.
      const known = typeof attributes === 'object' ? this.index.find(attributes) : undefined
      if (known !== undefined) return known
    } catch {
      // A getter that throws, a proxy: whatever it is, it is mended now.
    }
    return this.seriesForChecked(this.#collected.accept(attributes), hasRoom)
  }

  /** @internal The same for attributes that have been through an {@link AttributeCheck}. */
  seriesForChecked(attributes: Attributes, hasRoom: boolean): Series {
    const known = this.index.find(attributes)
    if (known !== undefined) return known
    if (!hasRoom || isOverflow(attributes)) return this.overflow
    const series = this.#newSeries(copyAttributes(attributes))
    this.index.add(series)
    return series
  }

  /** @internal What was wrong with what was collected of it, and with what processors made of it. */
  get mishaps(): Mishaps {
    return this.#collected.mishaps
  }

  get #collected(): AttributeCheck {
    this.#check ??= new AttributeCheck(new Mishaps(this.#descriptor.name), {}, 'any')
    return this.#check
  }

  /** @internal Nobody needs this series any more. */
  forget(series: Series): void {
    this.index.delete(series)
    this.#freeRows.push(series.row)
  }

  #newSeries(attributes: Attributes): Series {
    const row = this.#freeRows.pop() ?? this.#nextRow++
    return this.isScalar ? new ScalarSeries(this, attributes, row) : new Series(this, attributes, row)
  }
}

/** Instruments whose sum may go down, so that the sum of a histogram of theirs says nothing. */
const MAY_BE_NEGATIVE = new Set([
  InstrumentType.UP_DOWN_COUNTER,
  InstrumentType.GAUGE,
  InstrumentType.OBSERVABLE_UP_DOWN_COUNTER,
  InstrumentType.OBSERVABLE_GAUGE,
])
