import { plainAttributes } from './attributes.ts'
import type {
  OtlpBuckets,
  OtlpDistributionPoint,
  OtlpExponentialHistogramPoint,
  OtlpHistogramPoint,
  OtlpMetric,
  OtlpNumber,
  OtlpNumberPoint,
  OtlpPoint,
  OtlpRequest,
} from './otlp-json.ts'
import type {
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  ReceivedMetric,
  Temporality,
} from './received-metric.ts'

/**
 * The metrics of a request, with defaults filled in.
 *
 * @throws Error when something in it is not what OTLP says, or is a summary, which no SDK sends
 */
export function normalize(request: OtlpRequest): ReceivedMetric[] {
  const received: ReceivedMetric[] = []
  for (const { resource, scopeMetrics } of request.resourceMetrics ?? []) {
    const resourceAttributes = plainAttributes(resource?.attributes)
    for (const { scope, metrics } of scopeMetrics ?? []) {
      const origin = {
        resource: resourceAttributes,
        scope: {
          name: scope?.name ?? '',
          version: scope?.version ?? '',
          attributes: plainAttributes(scope?.attributes),
        },
      }
      for (const metric of metrics ?? []) {
        const { name = '', unit = '', description = '' } = metric
        received.push({ ...origin, name, unit, description, ...content(metric) })
      }
    }
  }
  return received
}

type Content = ReceivedMetric extends infer Metric
  ? Metric extends ReceivedMetric
    ? Omit<Metric, 'resource' | 'scope' | 'name' | 'unit' | 'description'>
    : never
  : never

function content(metric: OtlpMetric): Content {
  const { gauge, sum, histogram, exponentialHistogram } = metric
  if (gauge !== undefined) return { kind: 'gauge', points: (gauge.dataPoints ?? []).map(numberPoint) }
  if (sum !== undefined) {
    return {
      kind: 'sum',
      temporality: temporality(sum.aggregationTemporality),
      isMonotonic: sum.isMonotonic ?? false,
      points: (sum.dataPoints ?? []).map(numberPoint),
    }
  }
  if (histogram !== undefined) {
    return {
      kind: 'histogram',
      temporality: temporality(histogram.aggregationTemporality),
      points: (histogram.dataPoints ?? []).map(histogramPoint),
    }
  }
  if (exponentialHistogram !== undefined) {
    return {
      kind: 'exponential-histogram',
      temporality: temporality(exponentialHistogram.aggregationTemporality),
      points: (exponentialHistogram.dataPoints ?? []).map(exponentialHistogramPoint),
    }
  }
  throw new Error(`metric ${JSON.stringify(metric.name)} is no gauge, sum, histogram or exponential histogram`)
}

function numberPoint(point: OtlpNumberPoint): NumberPoint {
  return { ...common(point), value: number(point.asInt ?? point.asDouble) }
}

function histogramPoint(point: OtlpHistogramPoint): HistogramPoint {
  return {
    ...distribution(point),
    bucketCounts: (point.bucketCounts ?? []).map(number),
    explicitBounds: (point.explicitBounds ?? []).map(number),
  }
}

function exponentialHistogramPoint(point: OtlpExponentialHistogramPoint): ExponentialHistogramPoint {
  return {
    ...distribution(point),
    scale: point.scale ?? 0,
    zeroCount: number(point.zeroCount),
    zeroThreshold: number(point.zeroThreshold),
    positive: buckets(point.positive),
    negative: buckets(point.negative),
  }
}

function distribution(point: OtlpDistributionPoint) {
  return {
    ...common(point),
    count: number(point.count),
    ...(point.sum !== undefined && { sum: number(point.sum) }),
    ...(point.min !== undefined && { min: number(point.min) }),
    ...(point.max !== undefined && { max: number(point.max) }),
  }
}

function common(point: OtlpPoint) {
  return {
    attributes: plainAttributes(point.attributes),
    startUnixNanos: BigInt(point.startTimeUnixNano ?? 0),
    endUnixNanos: BigInt(point.timeUnixNano ?? 0),
  }
}

function buckets(side: OtlpBuckets | undefined): ExponentialBuckets {
  return { offset: side?.offset ?? 0, bucketCounts: (side?.bucketCounts ?? []).map(number) }
}

function number(value: OtlpNumber | undefined): number {
  return Number(value ?? 0)
}

/** The JSON mapping allows enums by number only, but what is unmistakable is read all the same. */
function temporality(value: number | string | undefined): Temporality {
  if (value === 1 || value === 'AGGREGATION_TEMPORALITY_DELTA') return 'delta'
  if (value === 2 || value === 'AGGREGATION_TEMPORALITY_CUMULATIVE') return 'cumulative'
  return 'unspecified'
}
