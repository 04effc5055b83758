import type { Attributes } from '@opentelemetry/api'
import type { Mishaps } from './mishaps.ts'

/**
 * Attributes that can be kept and exported (OTel spec, common, "Attribute"): text, numbers, booleans, and arrays of these
 * with gaps allowed. Others are left out, and reported once. The same object comes back when there is nothing to mend.
 *
 * Only for what is met for the first time: a set that is known has been through here.
 */
export function safeAttributes(attributes: Attributes, mishaps: Mishaps): Attributes {
  if (typeof attributes !== 'object' || attributes === null) {
    mishaps.mended('attributes must be an object', attributes, 'they are left out')
    return {}
  }
  let safe: [string, unknown][] | undefined
  const names = Object.keys(attributes)
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    let value: unknown
    try {
      value = attributes[name]
    } catch {
      // A getter that throws has no value.
    }
    if (isSafe(value)) {
      safe?.push([name, value])
      continue
    }
    safe ??= names.slice(0, i).map((before) => [before, attributes[before]])
    mishaps.mended(
      `attribute ${JSON.stringify(name)} must be text, a number, a boolean or an array of these`,
      value,
      'it is left out',
    )
  }
  return safe === undefined ? attributes : (Object.fromEntries(safe) as Attributes)
}

function isSafe(value: unknown): boolean {
  if (!Array.isArray(value)) return isPrimitive(value)
  return value.every((item: unknown) => item === null || item === undefined || isPrimitive(item))
}

function isPrimitive(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
