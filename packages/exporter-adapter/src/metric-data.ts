import type { HrTime } from '@opentelemetry/api'
import {
  type AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope, Series, Stream, UnixMicros, Window } from '@otel-sluice/processor'

/** A point as it is exported: {@link FoldedPoint} has this shape. */
interface ExportablePoint extends Window {
  readonly series: Series
  readonly cell: { toValue(): DataPoint<unknown>['value'] }
}

/**
 * Arranges points the way exporters read them: by scope, then by metric. Points of one stream have to come together;
 * streams of one scope may come apart.
 */
export class MetricDataBuilder {
  readonly #scopes = new Map<string, ScopeMetrics>()
  #stream: Stream | undefined
  #temporality: AggregationTemporality | undefined
  #dataPoints: DataPoint<unknown>[] = []
  #size = 0

  /** How many points were added. */
  get size(): number {
    return this.#size
  }

  /** @param endUnixMicros in place of the point's own end */
  add(point: ExportablePoint, temporality: AggregationTemporality, endUnixMicros = point.endUnixMicros): void {
    const { stream } = point.series
    if (stream !== this.#stream || temporality !== this.#temporality) this.#begin(stream, temporality)
    this.#dataPoints.push({
      startTime: hrTime(point.startUnixMicros),
      endTime: hrTime(endUnixMicros),
      attributes: point.series.attributes,
      value: point.cell.toValue(),
    })
    this.#size++
  }

  build(resource: ResourceMetrics['resource']): ResourceMetrics {
    return { resource, scopeMetrics: [...this.#scopes.values()] }
  }

  #begin(stream: Stream, temporality: AggregationTemporality): void {
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
    const key = JSON.stringify([scope.name, scope.version, scope.schemaUrl])
    let scopeMetrics = this.#scopes.get(key)
    if (scopeMetrics === undefined) {
      scopeMetrics = { scope, metrics: [] }
      this.#scopes.set(key, scopeMetrics)
    }
    return scopeMetrics.metrics
  }
}

/** Seconds and nanoseconds. */
function hrTime(unixMicros: UnixMicros): HrTime {
  const seconds = Math.floor(unixMicros / 1_000_000)
  return [seconds, (unixMicros - seconds * 1_000_000) * 1_000]
}
