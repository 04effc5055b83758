import { type Attributes, type Context, context as contexts } from '@opentelemetry/api'
import type { IAttributesProcessor } from '@opentelemetry/sdk-metrics'
import type { AttributeCheck } from '../series/attribute-check.ts'
import { BoundRecorder } from './bound-recorder.ts'
import type { Recorder } from './recorder.ts'

/** Sends attributes through the processors of a view first: what they drop is never looked up. */
export class ProcessedRecorder implements Recorder {
  readonly #recorder: Recorder
  readonly #processors: readonly IAttributesProcessor[]
  readonly #check: AttributeCheck

  constructor(recorder: Recorder, processors: readonly IAttributesProcessor[], check: AttributeCheck) {
    this.#recorder = recorder
    this.#processors = processors
    this.#check = check
  }

  get lane(): undefined {
    return undefined
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    this.#recorder.record(value, this.#process(attributes, context), context, measured ?? attributes)
  }

  bind(attributes: Attributes): Recorder {
    // Processed once, at bind time (OTel spec, metrics SDK, "Instrument bind").
    return new BoundRecorder(this, attributes, this.#check, (safe) =>
      this.#recorder.bind(this.#process(safe, undefined)),
    )
  }

  #process(attributes: Attributes | undefined, context: Context | undefined): Attributes {
    let processed: Attributes = attributes ?? {}
    try {
      for (const processor of this.#processors) {
        processed = processor.process(processed, context ?? contexts.active())
      }
      return processed
    } catch (error) {
      this.#check.mishaps.mended('an attributes processor of a view must not throw', error, 'attributes are left out')
      return {}
    }
  }
}
