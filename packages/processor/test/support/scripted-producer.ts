import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'

export const START: HrTime = [1_700_000_000, 0]

export function metric(
  dataPointType: DataPointType,
  value: unknown,
  {
    temporality = AggregationTemporality.CUMULATIVE,
    start = START,
    end = [start[0] + 60, 0] as HrTime,
    attributes = {} as Attributes,
    isMonotonic = true,
  } = {},
): MetricData {
  return {
    descriptor: { name: 'produced', description: '', unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: temporality,
    dataPointType,
    dataPoints: [{ startTime: start, endTime: end, attributes, value }],
    isMonotonic,
  } as MetricData
}

/** A producer that gives what it is told to. */
export class ScriptedProducer implements MetricProducer {
  next: () => Promise<MetricData[]> = async () => []

  async collect(): Promise<CollectionResult> {
    const metrics = await this.next()
    return {
      resourceMetrics: {
        resource: resourceFromAttributes({}),
        scopeMetrics: [{ scope: { name: 'producer' }, metrics }],
      },
      errors: [],
    }
  }

  gives(...metrics: MetricData[]): void {
    this.next = async () => metrics
  }
}
