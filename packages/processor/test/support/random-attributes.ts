import type { Attributes } from '@opentelemetry/api'

/** A small, fast source of numbers in [0, 1) that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Entries = readonly (readonly [name: string, value: unknown])[]

// Few names and values, so that sets meet often, differ by little, and begin others. Some imitate the keys of others.
const NAMES = ['a', 'b', 'ab', 'c', '', '0', '10', '__proto__', 'constructor', 'ü', '\u{1f600}', 'a=1', '1:a']
const VALUES: readonly unknown[] = [
  '',
  'a',
  'ab',
  '1',
  'true',
  'null',
  's1:a',
  'ü',
  'u\u0308',
  '\ud83d',
  1,
  0,
  -0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  false,
  [],
  ['a'],
  ['a', 'b'],
  ['a,b'],
  ['b', 'a'],
  [1],
  ['1'],
  [true],
  [null],
  ['null'],
  [null, null],
  [undefined],
  [Number.NaN],
  [-0],
  [0],
  [''],
]

const pick = <T>(random: () => number, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

/** Names and values of a set of up to five. */
export function randomEntries(random: () => number): Entries {
  const entries = new Map<string, unknown>()
  for (let left = Math.floor(random() * 6); left > 0; left--) entries.set(pick(random, NAMES), pick(random, VALUES))
  return [...entries]
}

/** The same in another order, or with a little more, less, or something else. */
export function neighbourOf(entries: Entries, random: () => number): Entries {
  const changed = [...entries]
  const at = Math.floor(random() * changed.length)
  switch (Math.floor(random() * 6)) {
    case 0:
    case 1:
      return changed.reverse()
    case 2:
      return [...changed.slice(at), ...changed.slice(0, at)]
    case 3:
      changed.splice(at, 1)
      return changed
    case 4:
      return [...new Map([...changed, [pick(random, NAMES), pick(random, VALUES)]])] as unknown as Entries
    default:
      if (changed.length > 0) changed[at] = [changed[at]![0], pick(random, VALUES)]
      return changed
  }
}

/** One object of each sort that JavaScript has for these entries: literals, maps, frozen ones, instances, getters. */
export function objectOf(entries: Entries, random: () => number): Attributes {
  const sort = Math.floor(random() * 12)
  const object: Attributes = sort === 0 ? (Object.create(null) as Attributes) : sort === 1 ? new WithInherited() : {}
  for (const [name, value] of entries) {
    const isGetter = sort === 2
    if (!isGetter && name !== '__proto__') object[name] = value as string
    else {
      // Assigning to `__proto__` would change the prototype.
      const property = isGetter ? { get: () => value as string } : { value: value as string, writable: true }
      Object.defineProperty(object, name, { ...property, enumerable: true, configurable: true })
    }
  }
  if (sort === 3) {
    // An object that has lost a property is a dictionary to V8.
    object.gone = 1
    delete object.gone
  }
  if (sort === 4) Object.defineProperty(object, 'hidden', { value: 'not enumerable', enumerable: false })
  if (sort === 5) Object.assign(object, { [Symbol('no attribute')]: 1 })
  return sort === 6 ? Object.freeze(object) : object
}

class WithInherited {
  [name: string]: string
}
Object.defineProperty(WithInherited.prototype, 'inherited', { value: 'by all', enumerable: true })

/** What two sets share exactly when they are equal: found by no code of the project. */
export function canonical(entries: Entries): string {
  const lines: string[] = []
  for (const [name, value] of entries) {
    const text = Array.isArray(value) ? `[${value.map(canonicalItem).join()}]` : canonicalItem(value)
    lines.push(`${JSON.stringify(name)}:${text}`)
  }
  return lines.sort().join()
}

function canonicalItem(item: unknown): string {
  return typeof item === 'number' ? `number ${item}` : typeof item === 'string' ? JSON.stringify(item) : String(item)
}
