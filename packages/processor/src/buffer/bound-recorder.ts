import type { Attributes, Context } from '@opentelemetry/api'
import type { AttributeCheck } from '../series/attribute-check.ts'
import type { Lane, Recorder } from './recorder.ts'

/**
 * Records with attributes that were resolved once. Those of a single measurement are added to them, and win, at the price
 * of recording unbound.
 */
export class BoundRecorder implements Recorder {
  readonly #resolved: Recorder
  readonly #unbound: Recorder
  readonly #attributes: Attributes
  readonly #check: AttributeCheck

  /** @param resolve makes what records measurements without attributes where those with these, made safe, belong */
  constructor(
    unbound: Recorder,
    attributes: Attributes,
    check: AttributeCheck,
    resolve: (safe: Attributes) => Recorder,
  ) {
    this.#unbound = unbound
    this.#check = check
    this.#attributes = check.accept(attributes)
    this.#resolved = resolve(this.#attributes)
  }

  get lane(): Lane | undefined {
    return this.#resolved.lane
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    if (attributes === undefined) this.#resolved.record(value, undefined, context, measured ?? this.#attributes)
    else this.#unbound.record(value, this.#with(attributes), context, measured)
  }

  bind(attributes: Attributes): Recorder {
    return this.#unbound.bind(this.#with(attributes))
  }

  #with(attributes: Attributes): Attributes {
    return { ...this.#attributes, ...this.#check.accept(attributes) }
  }
}
