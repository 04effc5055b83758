import type { PipelineName } from './pipelines.ts'

/** What the service process is told; each command is answered by one {@link ServiceMessage}, in their order. */
export type ServiceCommand =
  | {
      readonly type: 'start'
      readonly pipeline: PipelineName
      readonly temporality: 'delta' | 'cumulative'
      /** Where it exports to. */
      readonly receiverUrl: string
    }
  /** Finish what is under way, then export. */
  | { readonly type: 'flush' | 'stop' }

/** `port` is that of the service. */
export type ServiceMessage =
  | { readonly type: 'done'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string }
