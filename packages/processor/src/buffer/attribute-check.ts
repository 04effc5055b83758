import type { Attributes, AttributeValue } from '@opentelemetry/api'
import type { Mishaps } from './mishaps.ts'

/** Bounds for what is kept of attributes (OTel spec, common, "Attribute Limits"; metrics have none unless asked for). */
export interface AttributeLimits {
  /** Most attributes of one set; those that come later are left out. */
  readonly attributeCountLimit?: number
  /** Most characters of a text, also in an array; what is beyond is cut off. */
  readonly attributeValueLengthLimit?: number
}

/** Makes the attributes of one instrument's measurements fit to be kept and exported. */
export class AttributeCheck {
  readonly mishaps: Mishaps
  readonly #mostAttributes: number
  readonly #mostCharacters: number

  constructor(mishaps: Mishaps, { attributeCountLimit, attributeValueLengthLimit }: AttributeLimits) {
    this.mishaps = mishaps
    this.#mostAttributes = attributeCountLimit ?? Number.POSITIVE_INFINITY
    this.#mostCharacters = attributeValueLengthLimit ?? Number.POSITIVE_INFINITY
  }

  /**
   * A copy with what is text, a number, a boolean or an array of these with gaps allowed (OTel spec, common, "Attribute"),
   * within the limits. Others are left out, and reported once. Never throws.
   *
   * Each value is read once: a getter or a proxy may give another one the next time, or throw, and what is looked up has to
   * be what is kept. Only for what is met for the first time: a set that is known has been through here.
   */
  accept(attributes: Attributes): Attributes {
    if (typeof attributes !== 'object' || attributes === null) {
      this.mishaps.mended('attributes must be an object', attributes, 'they are left out')
      return {}
    }
    const copy = read(attributes, this.mishaps)
    let kept = 0
    for (const name of Object.keys(copy)) {
      const value: unknown = copy[name]
      const safe = kept < this.#mostAttributes ? this.#acceptValue(value) : undefined
      if (safe === undefined) {
        delete copy[name]
        this.#report(name, value, kept)
        continue
      }
      kept++
      // Defined, not assigned: assigning to `__proto__` would change the prototype.
      if (safe !== value) Object.defineProperty(copy, name, { value: safe })
    }
    return copy
  }

  #acceptValue(value: unknown): AttributeValue | undefined {
    if (typeof value === 'string') return this.#cut(value)
    if (isPrimitive(value)) return value as AttributeValue
    const items = safeItems(value)
    return items?.map((item) => (typeof item === 'string' ? this.#cut(item) : item)) as AttributeValue | undefined
  }

  #cut(text: string): string {
    return text.length > this.#mostCharacters ? text.slice(0, this.#mostCharacters) : text
  }

  #report(name: string, value: unknown, kept: number): void {
    if (kept >= this.#mostAttributes) {
      this.mishaps.mended(
        `there may be ${this.#mostAttributes} attributes, by attributeCountLimit`,
        value,
        `${JSON.stringify(name)} and what comes after it are left out`,
      )
      return
    }
    this.mishaps.mended(
      'an attribute must be text, a number, a boolean or an array of these',
      value,
      `${JSON.stringify(name)} is left out`,
    )
  }
}

function read(attributes: Attributes, mishaps: Mishaps): Attributes {
  try {
    return { ...attributes }
  } catch {
    // One by one, so that a getter that throws costs its own value only.
  }
  const copy: Attributes = {}
  try {
    for (const name of Object.keys(attributes)) {
      Object.defineProperty(copy, name, {
        value: readValue(attributes, name),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
  } catch (error) {
    mishaps.mended('the names of attributes must be there to read', error, 'they are left out')
  }
  return copy
}

function readValue(attributes: Attributes, name: string): unknown {
  try {
    return attributes[name]
  } catch {
    return undefined
  }
}

/** A copy of an array that can be kept; undefined for everything else. */
function safeItems(value: unknown): unknown[] | undefined {
  try {
    if (!Array.isArray(value)) return undefined
    const items: unknown[] = Array.from(value)
    return items.every((item) => item === null || item === undefined || isPrimitive(item)) ? items : undefined
  } catch {
    // A proxy.
    return undefined
  }
}

function isPrimitive(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
