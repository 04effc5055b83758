import { type Attributes, type Context, context as contexts } from '@opentelemetry/api'
import type { IAttributesProcessor } from '@opentelemetry/sdk-metrics'
import { ignoreRejection } from '../core/ignore-rejection.ts'
import type { AttributeCheck } from '../series/attribute-check.ts'

/** What the attributes of one stream go through, as its view has it. It may be the application's. */
export class AttributesProcessors {
  readonly #processors: readonly IAttributesProcessor[]
  readonly #check: AttributeCheck

  constructor(processors: readonly IAttributesProcessor[], check: AttributeCheck) {
    this.#processors = processors
    this.#check = check
  }

  get areNone(): boolean {
    return this.#processors.length === 0
  }

  /** The attributes of a measurement as they come out; none, where a processor fails: it may be there to leave out a secret. Never throws. */
  apply(attributes: Attributes, context?: Context): Attributes {
    try {
      let processed = attributes
      for (const processor of this.#processors) {
        processed = processor.process(processed, context ?? contexts.active())
        if (!isAttributes(processed)) return this.#leaveOut(processed)
      }
      return processed
    } catch (error) {
      this.#check.mishaps.mended('an attributes processor of a view must not throw', error, 'attributes are left out')
      return {}
    }
  }

  #leaveOut(given: unknown): Attributes {
    this.#check.mishaps.mended(
      'an attributes processor of a view must give attributes',
      given,
      'attributes are left out',
    )
    ignoreRejection(given)
    return {}
  }
}

/** Neither a promise, which async functions give. An attribute may be called `then`. */
function isAttributes(given: unknown): given is Attributes {
  if (typeof given !== 'object' || given === null) return false
  return typeof (given as { readonly then?: unknown }).then !== 'function'
}
