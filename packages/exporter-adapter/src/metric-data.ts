import { type HrTime, ValueType } from '@opentelemetry/api'
import {
  type AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricDescriptor,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope, PointValue, Series, Stream, UnixMicros } from '@otel-sluice/processor'

type Resource = ResourceMetrics['resource']

/** Points of one stream, from wherever: `StreamPoints` of a reader, or what was read back from disk. */
export interface Points {
  readonly stream: Pick<Stream, 'scope' | 'descriptor' | 'aggregation'>
  readonly size: number
  /** Where they have `ownAttributes`, {@link valueOf} gives a copy, too. */
  readonly series: readonly (Pick<Series, 'attributes'> & Partial<Pick<Series, 'ownAttributes'>>)[]
  valueOf(index: number): PointValue
  startUnixMicrosOf(index: number): UnixMicros
  endUnixMicrosOf(index: number): UnixMicros
}

/**
 * Arranges points the way exporters read them: by scope, then by metric. Points of one stream have to come together;
 * streams of one scope may come apart.
 *
 * INVARIANT: nothing of what it builds is in anything else. Exporters add attributes, rename metrics, push into arrays: that
 * reaches neither the points, which may be sent again just as they were, nor other exporters, nor what is recorded.
 */
export class MetricDataBuilder {
  readonly #scopes = new Map<string, ScopeMetrics>()
  /** The latest one, which the next stream is likely to be of. */
  #scope: InstrumentationScope | undefined
  #metrics: MetricData[] = []
  #stream: Points['stream'] | undefined
  #temporality: AggregationTemporality | undefined
  #descriptor: { -readonly [Field in keyof MetricDescriptor]?: MetricDescriptor[Field] } = {}
  #dataPoints: DataPoint<unknown>[] = []
  #size = 0
  readonly #startTimes = new HrTimes()
  readonly #endTimes = new HrTimes()

  /** How many points were added. */
  get size(): number {
    return this.#size
  }

  add(points: Points, index: number, temporality: AggregationTemporality): void {
    const { stream } = points
    if (stream !== this.#stream || temporality !== this.#temporality) this.#begin(stream, temporality)
    const series = points.series[index]!
    const value = points.valueOf(index)
    if (this.#descriptor.valueType === ValueType.INT && typeof value === 'number' && !isInt64(value)) {
      // A receiver refuses a whole batch for an integer that is none, or that JSON has in another form.
      this.#descriptor.valueType = ValueType.DOUBLE
    }
    const attributes = series.ownAttributes?.()
    this.#dataPoints.push({
      startTime: this.#startTimes.of(points.startUnixMicrosOf(index)),
      endTime: this.#endTimes.of(points.endUnixMicrosOf(index)),
      attributes: attributes ?? structuredClone(series.attributes),
      value: attributes === undefined ? structuredClone(value) : value,
    })
    this.#size++
  }

  build(resource: Resource): ResourceMetrics {
    const { attributes, schemaUrl } = resource
    return { resource: new OwnResource(attributes, schemaUrl), scopeMetrics: [...this.#scopes.values()] }
  }

  #begin(stream: Points['stream'], temporality: AggregationTemporality): void {
    this.#stream = stream
    this.#temporality = temporality
    this.#descriptor = ownDescriptor(stream.descriptor)
    this.#dataPoints = []
    const metric = {
      descriptor: this.#descriptor,
      aggregationTemporality: temporality,
      dataPointType: stream.aggregation.type,
      dataPoints: this.#dataPoints,
      ...(stream.aggregation.type === DataPointType.SUM && { isMonotonic: stream.aggregation.isMonotonic }),
    }
    // The stream's aggregation decides both the point type and the type of every cell's value.
    this.#metricsOf(stream.scope).push(metric as MetricData)
  }

  #metricsOf(scope: InstrumentationScope): MetricData[] {
    if (scope === this.#scope) return this.#metrics
    this.#scope = scope
    const { attributes } = scope as { readonly attributes?: unknown }
    const key = JSON.stringify([scope.name, scope.version, scope.schemaUrl, attributes])
    let scopeMetrics = this.#scopes.get(key)
    if (scopeMetrics === undefined) {
      scopeMetrics = { scope: structuredClone(scope), metrics: [] }
      this.#scopes.set(key, scopeMetrics)
    }
    this.#metrics = scopeMetrics.metrics
    return this.#metrics
  }
}

/** Whole, and within the 64 bits that OTLP has for integers. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63
}

/** With the advice that the SDK puts there, too, though its declarations leave it out; as a rule there is none. */
function ownDescriptor(descriptor: MetricDescriptor & { advice?: object }): MetricDescriptor {
  const own = { ...descriptor }
  if (own.advice !== undefined) own.advice = isEmpty(own.advice) ? {} : structuredClone(own.advice)
  return own
}

function isEmpty(object: object): boolean {
  for (const _name in object) return false
  return true
}

/** What exporters read of a resource, and what some of them add to. Of equal resources they are equal, methods and all. */
class OwnResource implements Resource {
  readonly attributes: Resource['attributes']
  readonly schemaUrl?: string
  readonly asyncAttributesPending = false

  constructor(attributes: Resource['attributes'], schemaUrl: string | undefined) {
    this.attributes = structuredClone(attributes)
    if (schemaUrl !== undefined) this.schemaUrl = schemaUrl
  }

  merge(other: Resource | null): Resource {
    if (other == null) return this
    return new OwnResource({ ...this.attributes, ...other.attributes }, other.schemaUrl ?? this.schemaUrl)
  }

  getRawAttributes(): ReturnType<Resource['getRawAttributes']> {
    return Object.entries(this.attributes)
  }
}

/** Makes HrTimes, and the same one for the same time as before: most points of a batch share theirs. */
class HrTimes {
  #unixMicros: UnixMicros = -1
  #hrTime: HrTime = [0, 0]

  of(unixMicros: UnixMicros): HrTime {
    if (unixMicros !== this.#unixMicros) {
      const seconds = Math.floor(unixMicros / 1_000_000)
      this.#unixMicros = unixMicros
      this.#hrTime = [seconds, (unixMicros - seconds * 1_000_000) * 1_000]
    }
    return this.#hrTime
  }
}
