import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Backend, Point } from './backend.ts'

/** Sends each batch to the backend in one call. It knows of no resending: that is left to whoever calls it. */
export class BackendExporter implements PushMetricExporter {
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.DELTA
  }

  export(batch: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    const points = batch.scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(pointsOf))
    // The codes are those of ExportResultCode in @opentelemetry/core.
    this.#backend.send(points).then(
      () => done({ code: 0 }),
      (error: Error) => done({ code: 1, error }),
    )
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

function pointsOf(metric: MetricData): Point[] {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.dataPoints.map((point) => named('messages', point, point.value))
    case DataPointType.HISTOGRAM:
      return metric.dataPoints.flatMap((point) => [
        named('millis', point, point.value.sum ?? 0),
        named('timings', point, point.value.count),
      ])
    default:
      return []
  }
}

function named(kind: string, { attributes, startTime, endTime }: DataPoint<unknown>, value: number): Point {
  return { metric: `${kind}.${attributes.topic}`, value, window: `${startTime} to ${endTime}` }
}
