import type { Attributes } from '@opentelemetry/api'

/** Attributes that many series have in common but for the value of one. It depends on nothing that may be forgotten. */
export class AttributeTemplate {
  readonly #attributes: Record<string, unknown>
  readonly #name: string

  /**
   * @param attributes an example
   * @param name of the one that differs; not `__proto__`
   */
  constructor(attributes: Attributes, name: string) {
    // Not frozen, as its copies are to be changed.
    this.#attributes = { ...attributes }
    this.#name = name
  }

  /** The attributes with this value; a new object each time. */
  with(value: unknown): Attributes {
    // Copied and changed: V8 copies an object faster than it makes one by names.
    const attributes = { ...this.#attributes }
    attributes[this.#name] = value
    return attributes as Attributes
  }
}
