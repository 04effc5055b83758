import type { Fault } from '@otel-sluice/example-otlp-receiver'

/** A stretch of the demo in which the receivers behave in one way. */
export interface Phase {
  readonly title: string
  readonly millis: number
  readonly receivers: 'up' | 'down'
  readonly fault: Fault
  /** How many requests meet the fault; default all of the phase. */
  readonly times?: number
}

/** In every outage but the cut, the receivers fail before they take anything in. */
export const PHASES: readonly Phase[] = [
  { title: 'all is well', millis: 2_500, receivers: 'up', fault: 'none' },
  { title: 'the receiver answers 503', millis: 3_000, receivers: 'up', fault: { status: 503 } },
  { title: 'the receiver hangs', millis: 3_000, receivers: 'up', fault: 'hang' },
  { title: 'the receiver is down, connections are refused', millis: 3_000, receivers: 'down', fault: 'none' },
  { title: 'the receiver is up again', millis: 2_000, receivers: 'up', fault: 'none' },
  {
    title: 'batches are taken in, but their answers are cut off',
    millis: 2_000,
    receivers: 'up',
    fault: 'cut-after-taking-in',
    // Sluice exports in two batches, delta and cumulative: with two cuts, one is a delta batch wherever they begin.
    times: 2,
  },
  { title: 'recovery', millis: 1_500, receivers: 'up', fault: 'none' },
]
