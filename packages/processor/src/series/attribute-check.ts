import type { Attributes } from '@opentelemetry/api'
import { shown } from '../core/describe.ts'
import {
  beginningOf,
  DEEPEST,
  isOutsized,
  LONGEST_TEXT,
  MOST_CHARACTERS,
  MOST_ITEMS,
  Room,
} from './attribute-bounds.ts'
import { isPlain } from './attribute-key.ts'
import type { Mishaps } from './mishaps.ts'

/** Bounds for what is kept of attributes (OTel spec, common, "Attribute Limits"; metrics have none unless asked for). */
export interface AttributeLimits {
  /** Most attributes of one set; those that come later are left out. Default, and at most: 4096. */
  readonly attributeCountLimit?: number
  /** Most characters of a text, also in an array; what is beyond is cut off. Default, and at most: 131,072. */
  readonly attributeValueLengthLimit?: number
}

/**
 * Which values are taken: `simple` ones, which are text, numbers, booleans and arrays of these with gaps allowed (OTel spec,
 * common, "Attribute"), or `any` that OTLP has (common, "AnyValue"): also bytes, nothing, and arrays and maps of them all.
 */
type AllowedValues = 'simple' | 'any'

const ALLOWED: Record<AllowedValues, string> = {
  simple: 'an attribute must be text, a number, a boolean or an array of these',
  any: 'an attribute must be text, a number, a boolean, bytes, or an array or a map of these',
}

const TOO_LARGE = `the attributes of a measurement may have ${MOST_ITEMS} names and elements and ${MOST_CHARACTERS} characters altogether`

const LEFT_OUT = Symbol('left out')
/** Is no value, as no symbol is. */
const UNREADABLE = Symbol('a getter that throws')

/** Makes the attributes of one instrument's measurements fit to be kept and exported. */
export class AttributeCheck {
  readonly mishaps: Mishaps
  /** How often anything was left out or cut: what is accepted then is not what was given, and may be equal to another set. */
  changes = 0
  readonly #mostAttributes: number
  readonly #longestText: number
  readonly #allowed: AllowedValues

  constructor(
    mishaps: Mishaps,
    { attributeCountLimit, attributeValueLengthLimit }: AttributeLimits = {},
    allowed: AllowedValues = 'simple',
  ) {
    this.mishaps = mishaps
    this.#mostAttributes = attributeCountLimit ?? Number.POSITIVE_INFINITY
    this.#longestText = Math.min(attributeValueLengthLimit ?? LONGEST_TEXT, LONGEST_TEXT)
    this.#allowed = allowed
  }

  /**
   * A copy with the values that are allowed, within the limits and within the bounds of any set (attribute-bounds.ts). Others
   * are left out, and reported once. Never throws, and the work is bounded.
   *
   * Each value is read once: a getter or a proxy may give another one the next time, or throw, and what is looked up has to
   * be what is kept. Only for what is met for the first time: a set that is known has been through here.
   */
  accept(attributes: Attributes): Attributes {
    if (typeof attributes !== 'object' || attributes === null) {
      this.#mended('attributes must be an object', attributes, 'they are left out')
      return {}
    }
    const copy = this.#read(attributes)
    const room = new Room()
    let kept = 0
    for (const name in copy) {
      if (!Object.hasOwn(copy, name)) continue
      const value: unknown = copy[name]
      const safe = kept < this.#mostAttributes ? this.#acceptEntry(name, value, room) : LEFT_OUT
      if (safe === LEFT_OUT) {
        delete copy[name]
        this.#report(name, value, kept, room)
        continue
      }
      kept++
      // Defined, not assigned: assigning to `__proto__` would change the prototype.
      if (safe !== value) Object.defineProperty(copy, name, { value: safe })
    }
    return copy
  }

  #read(attributes: Attributes): Attributes {
    try {
      // An array is looked at, too: it may come again.
      const isMap = !isOutsized(attributes) && !Array.isArray(attributes)
      if (isMap) return { ...attributes }
      this.#mended(`attributes must be a map of at most ${MOST_ITEMS}`, attributes, 'all are left out')
      return {}
    } catch {
      // One by one, so that a getter that throws costs its own value only.
    }
    const copy: Attributes = {}
    try {
      for (const name of Object.keys(attributes)) define(copy, name, readValue(attributes, name))
    } catch (error) {
      this.#mended('the names of attributes must be there to read', error, 'they are left out')
    }
    return copy
  }

  #acceptEntry(name: string, value: unknown, room: Room): unknown {
    const { items, characters } = room
    room.isFull = false
    let safe: unknown = LEFT_OUT
    try {
      if (room.take(1, name.length)) safe = this.#acceptValue(value, room, 0)
    } catch {
      // A proxy.
    }
    if (safe === LEFT_OUT) room.giveBack(items, characters)
    return safe
  }

  /** @param depth how many arrays and maps it is in */
  #acceptValue(value: unknown, room: Room, depth: number): unknown {
    const isAny = this.#allowed === 'any'
    switch (typeof value) {
      case 'string':
        return this.#acceptText(value, room)
      case 'number':
      case 'boolean':
        return value
      case 'undefined':
        return isAny || depth > 0 ? value : LEFT_OUT
      case 'object':
        if (value === null) return isAny || depth > 0 ? value : LEFT_OUT
        if (Array.isArray(value))
          return depth < (isAny ? DEEPEST : 1) ? this.#acceptArray(value, room, depth) : LEFT_OUT
        return isAny && depth < DEEPEST ? this.#acceptMap(value, room, depth) : LEFT_OUT
      default:
        return LEFT_OUT
    }
  }

  #acceptText(text: string, room: Room): unknown {
    const kept = beginningOf(text, this.#longestText)
    if (kept !== text && this.#longestText === LONGEST_TEXT) {
      this.#mended(`a text may have ${LONGEST_TEXT} characters`, text, 'what is beyond is cut off')
    }
    return room.take(0, kept.length) ? kept : LEFT_OUT
  }

  #acceptArray(array: readonly unknown[], room: Room, depth: number): unknown {
    // Once, and not by its iterator: a proxy may say anything, and an iterator need not end.
    const { length } = array
    if (!room.take(length, 0)) return LEFT_OUT
    const accepted: unknown[] = []
    for (let i = 0; i < length; i++) {
      const item = this.#acceptValue(array[i], room, depth + 1)
      if (item === LEFT_OUT) return LEFT_OUT
      accepted.push(item)
    }
    return accepted
  }

  /** Also bytes. */
  #acceptMap(map: object, room: Room, depth: number): unknown {
    if (map instanceof Uint8Array) return this.#acceptBytes(map, room)
    if (!isPlain(map)) return LEFT_OUT
    // More than there is room for, without a look at all of them.
    if (isOutsized(map)) room.take(MOST_ITEMS + 1, 0)
    if (room.isFull) return LEFT_OUT
    const accepted: Attributes = {}
    for (const name of Object.keys(map)) {
      if (!room.take(1, name.length)) return LEFT_OUT
      const item = this.#acceptValue((map as Attributes)[name], room, depth + 1)
      if (item === LEFT_OUT) return LEFT_OUT
      define(accepted, name, item)
    }
    return accepted
  }

  #acceptBytes(bytes: Uint8Array, room: Room): unknown {
    const { length } = bytes
    const isTaken = room.take(0, length <= LONGEST_TEXT ? length : Number.POSITIVE_INFINITY)
    return isTaken ? new Uint8Array(bytes) : LEFT_OUT
  }

  #mended(cause: string, value: unknown, mending: string): void {
    this.changes++
    this.mishaps.mended(cause, value, mending)
  }

  #report(name: string, value: unknown, kept: number, room: Room): void {
    if (kept >= this.#mostAttributes) {
      const cause = `there may be ${this.#mostAttributes} attributes, by attributeCountLimit`
      this.#mended(cause, value, `${shown(name)} and what comes after it are left out`)
      return
    }
    this.#mended(room.isFull ? TOO_LARGE : ALLOWED[this.#allowed], value, `${shown(name)} is left out`)
  }
}

/** Defined, not assigned: assigning to `__proto__` would change the prototype. */
function define(attributes: Attributes, name: string, value: unknown): void {
  Object.defineProperty(attributes, name, { value, enumerable: true, configurable: true, writable: true })
}

function readValue(attributes: Attributes, name: string): unknown {
  try {
    return attributes[name]
  } catch {
    return UNREADABLE
  }
}
