import type { ReceiverReport } from '@otel-sluice/example-otlp-receiver'
import { MEASURED, type OwnCount } from './measured.ts'

/** What has become of the measurements in one pipeline. */
export interface Standing {
  /** By the shop's own count. */
  readonly recorded: number
  /** Taken in by the receiver, each once. */
  readonly delivered: number
  /** Recorded and neither delivered nor lost, as far as is known. */
  readonly held: number
  readonly lost: number
  /** Taken in again in an identical batch, which the receiver recognised and did not count again. */
  readonly resent: number
  /** Counted twice by the receiver. */
  readonly doubled: number
  /** Whether the receiver's sums of values agree with the shop's, metric by metric. */
  readonly sumsAgree: boolean
}

/**
 * @param holds whether the pipeline still has something that it may deliver: then what is missing is held, else it is lost
 */
export function standingOf(counted: OwnCount, receiver: ReceiverReport, holds: boolean): Standing {
  let recorded = 0
  let delivered = 0
  let resent = 0
  let doubled = 0
  let sumsAgree = true
  for (const name of MEASURED) {
    const tally = receiver.tallies[name]
    recorded += counted[name].measurements
    if (tally !== undefined) {
      delivered += tally.total - tally.doubledTotal
      resent += tally.resentTotal
      doubled += tally.doubledTotal
    }
    sumsAgree &&= (tally?.totalSum ?? 0) === counted[name].sum
  }
  // More than was recorded is no debt; that it is wrong shows in the two numbers.
  const missing = Math.max(0, recorded - delivered)
  return { recorded, delivered, held: holds ? missing : 0, lost: holds ? 0 : missing, resent, doubled, sumsAgree }
}

/** Whether every measurement has arrived, once. */
export function isExact(standing: Standing): boolean {
  const { recorded, delivered, held, lost, doubled, sumsAgree } = standing
  return delivered === recorded && held === 0 && lost === 0 && doubled === 0 && sumsAgree
}
