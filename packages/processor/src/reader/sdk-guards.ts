import {
  type AggregationOption,
  type AggregationSelector,
  AggregationType,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { isAggregation } from '../aggregation/aggregation-option.ts'
import { messageOf } from '../core/describe.ts'
import { UserCode } from '../series/user-code.ts'

const DEFAULT: AggregationOption = { type: AggregationType.DEFAULT }

/** The selector as the SDK calls it, when the application makes an instrument: what it throws would be thrown there. */
export function guardedSelector(selector: AggregationSelector): AggregationSelector {
  const code = new UserCode('aggregationSelector', '; the default aggregation is used')
  return (kind) => code.ask(() => selector(kind), readAggregation, DEFAULT)
}

function readAggregation(given: unknown): AggregationOption | undefined {
  return isAggregation(given) ? given : undefined
}

/**
 * The SDK, with errors that are errors. Callbacks may throw or reject with nothing at all; the reader of SDK 3 looks at the name
 * of the first one, and would lose with it what was collected.
 */
export function withReadableErrors(sdk: MetricProducer): MetricProducer {
  return {
    collect: async (options) => {
      const { resourceMetrics, errors } = await sdk.collect(options)
      return { resourceMetrics, errors: errors.map(readable) }
    },
  }
}

function readable(error: unknown): Error {
  try {
    if (error instanceof Error && typeof error.name === 'string') return error
  } catch {
    // A getter.
  }
  return new Error(messageOf(error))
}
