import type { Attributes } from '@opentelemetry/api'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attributeKey, copyAttributes } from '../src/series/attribute-key.ts'

const scalar = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, '', 'null', '1', 's1:a'),
)
const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }))
const name = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('__proto__', 'constructor', '1:a', 'a', 'b', ''))
const attributes = fc
  .array(fc.tuple(name, value), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries) as Attributes)

/** Equality worked out without keys: same names, and values equal as `Map` keys are, element by element. */
function equal(a: Attributes, b: Attributes): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((n) => Object.hasOwn(b, n) && same(a[n], b[n]))
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]))
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}

test('two attribute sets share a key exactly when they are equal', () => {
  fc.assert(
    fc.property(attributes, attributes, (a, b) => {
      expect(attributeKey(a) === attributeKey(b)).toBe(equal(a, b))
    }),
    { numRuns: 20_000 },
  )
})

test('key order does not matter', () => {
  fc.assert(
    fc.property(attributes, (a) => {
      const reversed = Object.fromEntries(Object.entries(a).reverse()) as Attributes
      expect(attributeKey(reversed)).toBe(attributeKey(a))
    }),
  )
})

test.each([
  [{ a: 1 }, { a: '1' }],
  [{ a: ['a', 'b'] }, { a: 'a,b' }],
  [{ a: ['a', 'b'] }, { a: ['a,b'] }],
  [{ a: Number.NaN }, { a: null }],
  [{ a: undefined }, {}],
  [{ a: true }, { a: 'true' }],
  [{ a: '', b: 'x' }, { a: 'b:1:x' }],
  [{ a: [[1], 2] }, { a: [[1, 2]] }],
  [{ a: { b: 1 } }, { a: '[object Object]' }],
  [JSON.parse('{"__proto__": "x"}'), {}],
])('%j and %j are two series', (a, b) => {
  expect(attributeKey(a as Attributes)).not.toBe(attributeKey(b as Attributes))
})

test('a copy keeps what the caller changes afterwards, also inside arrays', () => {
  const original: Attributes = { a: 'x', list: ['a', 'b'] }
  const copy = copyAttributes(original)
  original.a = 'y'
  ;(original.list as string[]).push('c')
  expect(copy).toEqual({ a: 'x', list: ['a', 'b'] })
})

test('__proto__ is copied as an ordinary key', () => {
  const copy = copyAttributes(JSON.parse('{"__proto__": ["x"], "a": 1}'))
  expect(Object.entries(copy)).toEqual([
    ['__proto__', ['x']],
    ['a', 1],
  ])
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
})
