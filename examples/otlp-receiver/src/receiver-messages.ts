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
      readonly reportIntervalMillis: number
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

/** `report` comes by itself at the interval asked for, without an `id`, and as the answer to every command. */
export type ReceiverMessage =
  | { readonly type: 'report'; readonly id?: number; readonly reports: readonly ReceiverReport[] }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
