import type { MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { TIMED_OUT, within } from '../core/deadline.ts'
import { report } from '../series/report.ts'

type Resource = ResourceMetrics['resource']

/**
 * The resource before the SDK has collected, for a process that ends before that. The SDK does not show it: where its
 * insides are not what they are in SDK 2 and 3, there is none.
 */
export function resourceBehind(producer: MetricProducer): Resource | undefined {
  const resource = (producer as { _sharedState?: { resource?: Resource } })._sharedState?.resource
  // Not read: the SDK logs an error when some of them are not there yet.
  return typeof resource === 'object' && resource !== null && 'attributes' in resource ? resource : undefined
}

/** The MeterProvider's resource, and the one wait for those of its attributes that come asynchronously. */
export class ResourceWait {
  /** Known once the SDK has collected. */
  resource: Resource | undefined
  #waited = false

  /**
   * Waits for asynchronous attributes, the first time; exporters that want them would otherwise be sent a part. Resolves
   * within `timeoutMillis` and never rejects.
   */
  async ready(timeoutMillis: number): Promise<void> {
    if (this.#waited || !this.resource?.asyncAttributesPending) return
    this.#waited = true
    try {
      const done = await within(Promise.resolve(this.resource.waitForAsyncAttributes?.()), timeoutMillis)
      if (done === TIMED_OUT) {
        report(
          'warn',
          `sluice: asynchronous resource attributes are not there after ${timeoutMillis} ms; exporting without them until they are`,
        )
      }
    } catch (error) {
      report('error', 'sluice: asynchronous resource attributes failed; exporting without them', error)
    }
  }
}
