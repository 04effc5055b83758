import { context, createContextKey } from '@opentelemetry/api'
import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { reasonOf } from '../reason.ts'
import { type Outcome, outcomeOf } from './outcome.ts'

/** The key of `suppressTracing` in `@opentelemetry/core`: context keys are equal by name, in every copy and version. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * One call of `exporter.export`, without traces of its own. Resolves when the exporter calls back or throws; only its
 * first answer counts. Never rejects; may never resolve.
 *
 * @param onFurtherAnswer is told of every answer after the first
 */
export function callExport(
  exporter: PushMetricExporter,
  metrics: ResourceMetrics,
  onFurtherAnswer: (answer: Outcome) => void,
): Promise<Outcome> {
  const startedMillis = performance.now()
  return new Promise((resolve) => {
    let isAnswered = false
    const answer = (outcome: Outcome) => {
      if (isAnswered) return onFurtherAnswer(outcome)
      isAnswered = true
      resolve(outcome)
    }
    // Where it threw is not known: it may have sent the batch before.
    const fail = (error: unknown) => answer({ type: 'unknown', reason: reasonOf(error) })
    try {
      const returned = withoutTraces((): unknown =>
        exporter.export(metrics, (result) => answer(outcomeOf(result, performance.now() - startedMillis))),
      )
      // Declared to return nothing; written as an async function, it throws by rejecting.
      Promise.resolve(returned).catch(fail)
    } catch (error) {
      fail(error)
    }
  })
}

/** A context manager is the application's: one that throws costs the suppression and not the export. */
function withoutTraces(call: () => unknown): unknown {
  let isCalled = false
  try {
    return context.with(context.active().setValue(SUPPRESS_TRACING, true), () => {
      isCalled = true
      return call()
    })
  } catch (error) {
    if (isCalled) throw error
    return call()
  }
}
