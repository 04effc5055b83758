import type { Attributes } from '@opentelemetry/api'

/**
 * A string that two attribute sets share exactly when they are equal.
 *
 * Key order does not matter; types do: `1` and `'1'`, `['a', 'b']` and `'a,b'`, `NaN`, `null` and a missing value all
 * differ. Every part carries its length or an end mark, so no text in a key or value can imitate another set.
 */
export function attributeKey(attributes: Attributes): string {
  const names = Object.keys(attributes)
  if (names.length > 1) names.sort()
  let key = ''
  for (const name of names) key += `${name.length}:${name}${valueKey(attributes[name])}`
  return key
}

/** A string that two lists of names share exactly when they are equal but for their order. */
export function namesKey(names: readonly string[]): string {
  let key = ''
  for (const name of [...names].sort()) key += `${name.length}:${name}`
  return key
}

/** The part of {@link attributeKey} for one value. */
export function valueKey(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
      return `n${value};`
    case 'boolean':
      return value ? 't' : 'f'
    case 'bigint':
      return `i${value};`
    case 'object':
      if (value === null) return 'z'
      if (Array.isArray(value)) return `a${value.length}:${Array.from(value, valueKey).join('')}`
      if (!isPlain(value)) return `j${valueKey(String(JSON.stringify(value)))}`
      return `o${Object.keys(value).length}:${attributeKey(value as Attributes)}`
    default:
      return 'u'
  }
}

/** A frozen copy that no later change of the caller's object can reach; `__proto__` stays an ordinary key. */
export function copyAttributes(attributes: Attributes): Attributes {
  const copy: Attributes = { ...attributes }
  for (const name of Object.keys(copy)) {
    const value = copy[name]
    // Defined, not assigned: assigning to `__proto__` would change the prototype.
    if (isContainer(value)) Object.defineProperty(copy, name, { value: copyContainer(value), enumerable: true })
  }
  return Object.freeze(copy)
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Others, such as dates, are told apart by how they are written as JSON, and not copied. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function copyContainer(value: object): unknown {
  if (!Array.isArray(value)) {
    if (isPlain(value)) return copyAttributes(value as Attributes)
    // One that cannot be written as JSON is not let in: it would throw wherever the key is asked for.
    valueKey(value)
    return value
  }
  return Object.freeze(value.map((item) => (isContainer(item) ? copyContainer(item) : item)))
}
