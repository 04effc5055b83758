import type { Attributes, Context } from '@opentelemetry/api'
import type { Lane, Recorder } from './recorder.ts'

/**
 * Records with attributes that were resolved once. Those of a single measurement are added to them, and win, at the price
 * of recording unbound.
 */
export class BoundRecorder implements Recorder {
  readonly #resolved: Recorder
  readonly #unbound: Recorder
  readonly #attributes: Attributes

  /** @param resolved records measurements without attributes where those with `attributes` belong */
  constructor(resolved: Recorder, unbound: Recorder, attributes: Attributes) {
    this.#resolved = resolved
    this.#unbound = unbound
    // Copied: the caller may change its object afterwards.
    this.#attributes = { ...attributes }
  }

  get lane(): Lane | undefined {
    return this.#resolved.lane
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    if (attributes === undefined) this.#resolved.record(value, undefined, context, measured ?? this.#attributes)
    else this.#unbound.record(value, { ...this.#attributes, ...attributes }, context, measured)
  }

  bind(attributes: Attributes): Recorder {
    return this.#unbound.bind({ ...this.#attributes, ...attributes })
  }
}
