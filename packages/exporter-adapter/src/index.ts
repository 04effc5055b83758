export { PullExporterAdapter } from './pull/pull-exporter-adapter.ts'
export { PushExporterAdapter } from './push/push-exporter-adapter.ts'
export type { PushExporterAdapterOptions } from './push/push-options.ts'
export type { RetryOptions } from './push/retry.ts'
