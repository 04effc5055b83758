import type { Attributes, AttributeValue } from '@opentelemetry/api'
import type { Mishaps } from './mishaps.ts'

/**
 * A copy of attributes with what can be kept and exported (OTel spec, common, "Attribute"): text, numbers, booleans, and
 * arrays of these with gaps allowed. Others are left out, and reported once. Never throws.
 *
 * Each value is read once: a getter or a proxy may give another one the next time, or throw, and what is looked up has to
 * be what is kept. Only for what is met for the first time: a set that is known has been through here.
 */
export function safeAttributes(attributes: Attributes, mishaps: Mishaps): Attributes {
  if (typeof attributes !== 'object' || attributes === null) {
    mishaps.mended('attributes must be an object', attributes, 'they are left out')
    return {}
  }
  const copy = read(attributes, mishaps)
  for (const name of Object.keys(copy)) {
    const value: unknown = copy[name]
    if (isPrimitive(value)) continue
    const items = safeItems(value)
    // Defined, not assigned: assigning to `__proto__` would change the prototype.
    if (items !== undefined) Object.defineProperty(copy, name, { value: items })
    else {
      delete copy[name]
      mishaps.mended(
        'an attribute must be text, a number, a boolean or an array of these',
        value,
        `${JSON.stringify(name)} is left out`,
      )
    }
  }
  return copy
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
function safeItems(value: unknown): AttributeValue | undefined {
  try {
    if (!Array.isArray(value)) return undefined
    const items: unknown[] = Array.from(value)
    const isSafe = items.every((item) => item === null || item === undefined || isPrimitive(item))
    return isSafe ? (items as AttributeValue) : undefined
  } catch {
    // A proxy.
    return undefined
  }
}

function isPrimitive(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
