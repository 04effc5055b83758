import type { HrTime } from '@opentelemetry/api'
import {
  type AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope, PointValue, Series, Stream, UnixMicros } from '@otel-sluice/processor'

/** Points of one stream, from wherever: `StreamPoints` of a reader, or what was read back from disk. */
export interface Points {
  readonly stream: Pick<Stream, 'scope' | 'descriptor' | 'aggregation'>
  readonly size: number
  readonly series: readonly Pick<Series, 'attributes'>[]
  valueOf(index: number): PointValue
  startUnixMicrosOf(index: number): UnixMicros
  endUnixMicrosOf(index: number): UnixMicros
}

/**
 * Arranges points the way exporters read them: by scope, then by metric. Points of one stream have to come together;
 * streams of one scope may come apart.
 */
export class MetricDataBuilder {
  readonly #scopes = new Map<string, ScopeMetrics>()
  #stream: Points['stream'] | undefined
  #temporality: AggregationTemporality | undefined
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
    this.#dataPoints.push({
      startTime: this.#startTimes.of(points.startUnixMicrosOf(index)),
      endTime: this.#endTimes.of(points.endUnixMicrosOf(index)),
      attributes: points.series[index]!.attributes,
      value: points.valueOf(index),
    })
    this.#size++
  }

  build(resource: ResourceMetrics['resource']): ResourceMetrics {
    return { resource, scopeMetrics: [...this.#scopes.values()] }
  }

  #begin(stream: Points['stream'], temporality: AggregationTemporality): void {
    this.#stream = stream
    this.#temporality = temporality
    this.#dataPoints = []
    const metric = {
      descriptor: stream.descriptor,
      aggregationTemporality: temporality,
      dataPointType: stream.aggregation.type,
      dataPoints: this.#dataPoints,
      ...(stream.aggregation.type === DataPointType.SUM && { isMonotonic: stream.aggregation.isMonotonic }),
    }
    // The stream's aggregation decides both the point type and the type of every cell's value.
    this.#metricsOf(stream.scope).push(metric as MetricData)
  }

  #metricsOf(scope: InstrumentationScope): MetricData[] {
    const { attributes } = scope as { readonly attributes?: unknown }
    const key = JSON.stringify([scope.name, scope.version, scope.schemaUrl, attributes])
    let scopeMetrics = this.#scopes.get(key)
    if (scopeMetrics === undefined) {
      scopeMetrics = { scope, metrics: [] }
      this.#scopes.set(key, scopeMetrics)
    }
    return scopeMetrics.metrics
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
