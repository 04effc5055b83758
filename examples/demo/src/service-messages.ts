import type { OwnCount } from './measured.ts'

/** What the service process is told. Each command is answered by one message with its `id`. */
export type ServiceCommand = { readonly id: number } & (
  | {
      readonly type: 'start'
      /** Where each pipeline exports to. */
      readonly sluiceUrl: string
      readonly stockUrl: string
    }
  | { readonly type: 'report' }
  /** Finish the orders under way, then flush both pipelines. */
  | { readonly type: 'flush' }
  /** Finish the orders under way, then shut both pipelines down. */
  | { readonly type: 'stop' }
)

/** How the service stands. */
export interface ServiceReport {
  readonly shopUrl: string
  readonly metricsUrl: string
  /** Counted by the shop itself, without any metrics library. */
  readonly counted: OwnCount
  /** Points that Sluice still holds for the receiver. */
  readonly pendingPoints: number
  /** What the last flush or shutdown of the pipelines complained about. */
  readonly complaint?: string
}

/** A command is answered with how the service stands once it is done, or with why it failed. */
export type ServiceMessage =
  | { readonly type: 'report'; readonly id: number; readonly report: ServiceReport }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  /** A line that Sluice has logged. */
  | { readonly type: 'log'; readonly line: string }
