import type {
  HistogramPoint,
  NumberPoint,
  PlainAttributes,
  ReceivedMetric,
  ReceivedScope,
  TakenBatch,
  Temporality,
} from '@otel-sluice/example-otlp-receiver'

/** A metric as it was reported over the life of a service. */
export interface ReportedMetric {
  readonly scope: ReceivedScope
  readonly resource: PlainAttributes
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly kind: ReceivedMetric['kind']
  readonly temporality?: Temporality
  readonly isMonotonic?: boolean
  /** By their attributes as JSON. */
  readonly series: Readonly<Record<string, ReportedSeries>>
}

export interface ReportedSeries {
  readonly boundaries?: readonly number[]
  readonly hasMinAndMax?: boolean
  /** Of a histogram how many measurements, of a sum their sum; left out where it is up to chance. */
  readonly total?: number
}

/** What the traffic alone decides. */
const isDecided = (name: string): boolean => /^(http|shop)\./.test(name)

/**
 * Attributes that are there in every run. The other kinds of garbage collection come as V8 likes, and what is active is up
 * to the moment of the observation and the timers of whoever asks.
 */
const CERTAIN: Readonly<Record<string, (attributes: PlainAttributes) => boolean>> = {
  'v8js.gc.duration': (attributes) => ['minor', 'major'].includes(String(attributes['v8js.gc.type'])),
  'v8js.resource.active': (attributes) => attributes['v8js.resource.type'] === 'TCPServerWrap',
}

/**
 * Adds up what arrived: delta by summing, cumulative by taking the last. Sorted, so that it can be compared.
 *
 * @param port of the service; it differs from run to run
 */
export function reported(batches: readonly TakenBatch[], port: number): ReportedMetric[] {
  const metrics = new Map<string, ReportedMetric & { series: Record<string, ReportedSeries> }>()
  for (const received of batches.flatMap((batch) => batch.metrics)) {
    const { scope, resource, name, unit, description, kind } = received
    const identity = {
      scope,
      resource,
      name,
      unit,
      description,
      kind,
      ...('temporality' in received && { temporality: received.temporality }),
      ...('isMonotonic' in received && { isMonotonic: received.isMonotonic }),
    }
    const key = JSON.stringify(identity)
    const metric = metrics.get(key) ?? { ...identity, series: {} }
    metrics.set(key, metric)
    for (const point of received.points) {
      if (CERTAIN[name]?.(point.attributes) === false) continue
      const attributes = keyOf(point.attributes, port)
      metric.series[attributes] = seriesOf(received, point as NumberPoint | HistogramPoint, metric.series[attributes])
    }
  }
  return [...metrics.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, metric]) => metric)
}

function seriesOf(
  metric: ReceivedMetric,
  point: NumberPoint | HistogramPoint,
  before: ReportedSeries | undefined,
): ReportedSeries {
  const value = 'value' in point ? point.value : point.count
  const isDelta = 'temporality' in metric && metric.temporality === 'delta'
  const total = isDelta ? (before?.total ?? 0) + value : value
  return {
    ...(isDecided(metric.name) && { total }),
    ...('explicitBounds' in point && {
      boundaries: point.explicitBounds,
      hasMinAndMax: point.min !== undefined && point.max !== undefined,
    }),
  }
}

function keyOf(attributes: PlainAttributes, port: number): string {
  const entries = Object.entries(attributes).map(([name, value]) => [name, value === port ? 'of the service' : value])
  return JSON.stringify(Object.fromEntries(entries.sort()))
}

/** The totals of all series of a metric. */
export function totalOf(metrics: readonly ReportedMetric[], name: string, scopeName: string): number {
  return metrics
    .filter((metric) => metric.name === name && metric.scope.name === scopeName)
    .flatMap(({ series }) => Object.values(series))
    .reduce((sum, { total = Number.NaN }) => sum + total, 0)
}
