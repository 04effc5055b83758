import type { Fault } from './fault.ts'
import type { Tally } from './ledger.ts'

/** What a receiver process is told. Each command is answered by one {@link ReceiverMessage} with its `id`. */
export type ReceiverCommand = { readonly id: number } & (
  | {
      readonly type: 'start'
      /** All receivers are given the same faults at the same time, but have ledgers of their own. */
      readonly receivers: readonly { readonly name: string; readonly preferredPort: number }[]
      /** The metrics to report on. */
      readonly metricNames: readonly string[]
    }
  | { readonly type: 'fail'; readonly fault: Fault; readonly times?: number }
  | { readonly type: 'go-down' | 'come-up' | 'report' }
)

/** How one receiver stands. */
export interface ReceiverReport {
  readonly name: string
  readonly url: string
  /** Differs from the preferred one where that was taken. */
  readonly port: number
  readonly fault: Fault
  readonly requests: number
  /** By metric name, of the metrics asked for. */
  readonly tallies: Readonly<Record<string, Tally>>
  /** Everything that arrived and has totals. */
  readonly metricNames: readonly string[]
}

/** A command is answered with how all receivers stand once it is done, or with why it failed. */
export type ReceiverMessage =
  | { readonly type: 'report'; readonly id: number; readonly reports: readonly ReceiverReport[] }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
