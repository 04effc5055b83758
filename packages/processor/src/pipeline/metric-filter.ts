import type { Attributes } from '@opentelemetry/api'
import type { DataPointType } from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope } from '../series/stream.ts'

/**
 * Drops metrics and attribute sets before they are gathered (OTel spec, metrics SDK, "MetricFilter", Development). It
 * applies to everything the reader collects, and must be pure. Where it throws, or gives anything but these words, what it was
 * asked about is exported, with one diagnostic.
 */
export interface MetricFilter {
  /** Called once per metric and collection; `acceptPartial` asks {@link testAttributes} about every attribute set. */
  testMetric(
    scope: InstrumentationScope,
    name: string,
    kind: DataPointType,
    unit: string,
  ): 'accept' | 'drop' | 'acceptPartial'
  /** Called only for metrics that were accepted partially. */
  testAttributes(
    scope: InstrumentationScope,
    name: string,
    kind: DataPointType,
    unit: string,
    attributes: Attributes,
  ): 'accept' | 'drop'
}
