import type { Attributes, Context } from '@opentelemetry/api'
import type { AttributeCheck } from '../series/attribute-check.ts'
import type { AttributesProcessors } from './attributes-processors.ts'
import { BoundRecorder } from './bound-recorder.ts'
import type { Recorder } from './recorder.ts'

/** Sends attributes through the processors of a view first: what they drop is never looked up. */
export class ProcessedRecorder implements Recorder {
  readonly #recorder: Recorder
  readonly #processors: AttributesProcessors
  readonly #check: AttributeCheck

  constructor(recorder: Recorder, processors: AttributesProcessors, check: AttributeCheck) {
    this.#recorder = recorder
    this.#processors = processors
    this.#check = check
  }

  get lane(): undefined {
    return undefined
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    const processed = this.#processors.apply(attributes ?? {}, context)
    this.#recorder.record(value, processed, context, measured ?? attributes)
  }

  bind(attributes: Attributes): Recorder {
    // Processed once, at bind time (OTel spec, metrics SDK, "Instrument bind").
    return new BoundRecorder(this, attributes, this.#check, (safe) => this.#recorder.bind(this.#processors.apply(safe)))
  }
}
