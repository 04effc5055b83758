import type { Attributes, AttributeValue } from '@opentelemetry/api'
import fc from 'fast-check'

/** An attribute set as a list, so that the order of its keys and a key named `__proto__` survive printing and shrinking. */
export type Entries = readonly (readonly [key: string, value: AttributeValue])[]

export const KEYS = ['method', 'route', '10', '', '__proto__', 'constructor', 'ключ', '🔑'] as const

/** Values that are easily taken for one another, side by side. */
const ALIKE: readonly (readonly AttributeValue[])[] = [
  ['a,b', ['a', 'b'], ['a,b'], '["a","b"]'],
  ['1', 1, true, 'true', [1], ['1']],
  ['', [], false, 0, [''], ['', null], [null]],
  ['naïve ☕', '\u0000', '\ud83d', -1.5, 1e21, ['☕']],
]

const entries: fc.Arbitrary<Entries> = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...KEYS), fc.constantFrom(...ALIKE.flat())),
  { selector: ([key]) => key, maxLength: 3 },
)

const lookAlikes: fc.Arbitrary<Entries[]> = fc
  .tuple(
    fc.constantFrom(...KEYS),
    fc.constantFrom(...ALIKE).chain((values) => fc.subarray([...values], { minLength: 2 })),
  )
  .map(([key, values]) => values.map((value) => [[key, value]]))

/** The attribute sets of a program. */
export const attributeSets: fc.Arbitrary<Entries[]> = fc
  .tuple(fc.array(entries, { minLength: 1, maxLength: 4, size: 'max' }), fc.option(lookAlikes, { nil: [] }))
  .map((lists) => lists.flat())

/** A new object at each call, as instrumented code makes one. */
export function attributesOf(list: Entries, reversed: boolean): Attributes {
  // Object.fromEntries defines its keys, so `__proto__` becomes an ordinary one.
  return Object.fromEntries(reversed ? list.toReversed() : list)
}
