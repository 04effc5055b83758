import { type AggregationOption, AggregationType } from '@opentelemetry/sdk-metrics'

const TYPES: readonly unknown[] = Object.values(AggregationType)

/** Whether the SDK can make an aggregation of what a selector has given. Throws what a getter of that throws. */
export function isAggregation(given: unknown): given is AggregationOption {
  if (typeof given !== 'object' || given === null) return false
  const { type, options } = given as { readonly type?: unknown; readonly options?: { readonly boundaries?: unknown } }
  if (type === AggregationType.EXPLICIT_BUCKET_HISTOGRAM && options != null) return Array.isArray(options.boundaries)
  return typeof type === 'number' && TYPES.includes(type)
}
