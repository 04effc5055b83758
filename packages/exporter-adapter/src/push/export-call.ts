import { context, createContextKey } from '@opentelemetry/api'
import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { type Outcome, outcomeOf, toError } from './outcome.ts'

/** The key of `suppressTracing` in `@opentelemetry/core`: context keys are equal by name, in every copy and version. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * One call of `exporter.export`, without traces of its own. Resolves when the exporter calls back or throws; only its
 * first answer counts. Never rejects; may never resolve.
 */
export function callExport(exporter: PushMetricExporter, metrics: ResourceMetrics): Promise<Outcome> {
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve({ type: 'unknown', error: toError(error) })
    try {
      const returned: unknown = context.with(context.active().setValue(SUPPRESS_TRACING, true), () =>
        exporter.export(metrics, (result) => resolve(outcomeOf(result))),
      )
      // Declared to return nothing; written as an async function, it throws by rejecting.
      Promise.resolve(returned).catch(fail)
    } catch (error) {
      fail(error)
    }
  })
}
