import type { Attributes } from '@opentelemetry/api'
import { DEEPEST, isOutsized, LONGEST_TEXT, MOST_CHARACTERS, MOST_ITEMS } from './attribute-bounds.ts'

/**
 * A string that two attribute sets share exactly when they are equal, if an {@link AttributeCheck} would keep them whole.
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

/** The key of what is never kept as an attribute value, and so is equal to none that is. */
const NO_VALUE = 'x'

/** How much more of one value is looked at. */
let itemsLeft = 0
let charactersLeft = 0

/** The part of {@link attributeKey} for one value. The work is bounded, whatever the value is: no more of one is ever kept. */
export function valueKey(value: unknown): string {
  itemsLeft = MOST_ITEMS
  charactersLeft = MOST_CHARACTERS
  return keyOf(value, 0)
}

/** @param depth how many arrays and maps it is in */
function keyOf(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      charactersLeft -= value.length
      // At the top it may be as long as it likes: the text is the key.
      return depth > 0 && charactersLeft < 0 ? NO_VALUE : `s${value.length}:${value}`
    case 'number':
      return `n${value};`
    case 'boolean':
      return value ? 't' : 'f'
    case 'undefined':
      return 'u'
    case 'object':
      if (value === null) return 'z'
      return depth < DEEPEST ? containerKey(value, depth) : NO_VALUE
    default:
      return NO_VALUE
  }
}

function containerKey(value: object, depth: number): string {
  if (Array.isArray(value)) {
    const { length } = value
    if (!takeItems(length)) return NO_VALUE
    let key = `a${length}:`
    for (let i = 0; i < length; i++) key += keyOf(value[i], depth + 1)
    return key
  }
  if (value instanceof Uint8Array) {
    if (value.length > LONGEST_TEXT) return NO_VALUE
    return `b${value.length}:${Buffer.from(value).toString('latin1')}`
  }
  if (!isPlain(value) || isOutsized(value)) return NO_VALUE
  const names = Object.keys(value).sort()
  if (!takeItems(names.length)) return NO_VALUE
  let key = `o${names.length}:`
  for (const name of names) key += `${keyOf(name, depth + 1)}${keyOf((value as Attributes)[name], depth + 1)}`
  return key
}

function takeItems(count: number): boolean {
  itemsLeft -= count
  return itemsLeft >= 0
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

/** A copy of what {@link copyAttributes} made, or of the like, that may be changed without changing that. */
export function thawedAttributes(attributes: Attributes): Attributes {
  const copy: Attributes = { ...attributes }
  for (const name in copy) {
    const value: unknown = copy[name]
    if (isContainer(value)) Object.defineProperty(copy, name, { value: thawedContainer(value) })
  }
  return copy
}

function thawedContainer(value: object): unknown {
  if (Array.isArray(value)) return value.map((item) => (isContainer(item) ? thawedContainer(item) : item))
  return value instanceof Uint8Array ? value.slice() : thawedAttributes(value as Attributes)
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** A map of AnyValue (OTel spec, common, "AnyValue"), and no date, set, promise or instance of a class. */
export function isPlain(value: object): boolean {
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
