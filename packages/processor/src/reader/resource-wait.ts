import type { Attributes } from '@opentelemetry/api'
import type { MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { TIMED_OUT, within } from '../core/deadline.ts'
import { MOST_ITEMS } from '../series/attribute-bounds.ts'
import { AttributeCheck } from '../series/attribute-check.ts'
import { copyAttributes } from '../series/attribute-key.ts'
import { Mishaps } from '../series/mishaps.ts'
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
  readonly #check = new AttributeCheck(new Mishaps('the resource'), {}, 'any')
  #given: Resource | undefined
  #checked: Resource | undefined
  #waited = false

  /**
   * A copy with the attributes that OTLP has: one that is no value costs itself and no batch. Known once the SDK has
   * collected.
   */
  get resource(): Resource | undefined {
    if (this.#given === undefined || this.#checked !== undefined) return this.#checked
    const checked = checkedResource(this.#given, this.#check)
    if (!isPending(this.#given)) this.#checked = checked
    return checked
  }

  set resource(given: Resource | undefined) {
    if (given === this.#given) return
    this.#given = given
    this.#checked = undefined
  }

  /**
   * Waits for asynchronous attributes, the first time; exporters that want them would otherwise be sent a part. Resolves
   * within `timeoutMillis` and never rejects.
   */
  async ready(timeoutMillis: number): Promise<void> {
    if (this.#waited || this.#given === undefined || !isPending(this.#given)) return
    this.#waited = true
    try {
      const done = await within(Promise.resolve(this.#given.waitForAsyncAttributes?.()), timeoutMillis)
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

function isPending(resource: Resource): boolean {
  try {
    return resource.asyncAttributesPending === true
  } catch {
    return false
  }
}

function checkedResource(given: Resource, check: AttributeCheck): Resource {
  let attributes: Attributes = {}
  let schemaUrl: unknown
  try {
    attributes = check.accept(attributesOf(given))
    schemaUrl = given.schemaUrl
  } catch (error) {
    check.mishaps.mended('its attributes must be there to read', error, 'they are left out')
  }
  return resourceOf(attributes, typeof schemaUrl === 'string' ? schemaUrl : undefined)
}

/**
 * The SDK looks at every element of an array before it gives the attributes: where one has no end, the others are taken from
 * what they were made of.
 */
function attributesOf(resource: Resource): Attributes {
  const raw = resource.getRawAttributes?.() ?? []
  if (!raw.some(([, value]) => isEndless(value))) return resource.attributes as Attributes
  const settled = raw.filter(
    ([, value]) => typeof (value as Partial<Promise<unknown>> | undefined)?.then !== 'function',
  )
  // Of several the first counts.
  return Object.fromEntries(settled.reverse()) as Attributes
}

function isEndless(value: unknown): boolean {
  return Array.isArray(value) && value.length > MOST_ITEMS
}

function resourceOf(attributes: Attributes, schemaUrl: string | undefined): Resource {
  const frozen = copyAttributes(attributes)
  const resource: Resource = {
    attributes: frozen,
    ...(schemaUrl !== undefined && { schemaUrl }),
    asyncAttributesPending: false,
    merge: (other) =>
      other == null
        ? resource
        : resourceOf({ ...frozen, ...(other.attributes as Attributes) }, other.schemaUrl ?? schemaUrl),
    getRawAttributes: () => Object.entries(frozen),
  }
  return Object.freeze(resource)
}
