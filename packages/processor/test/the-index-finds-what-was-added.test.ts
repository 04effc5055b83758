import type { Attributes } from '@opentelemetry/api'
import { DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { AttributeIndex } from '../src/series/attribute-index.ts'
import { attributeKey, copyAttributes } from '../src/series/attribute-key.ts'
import { Series } from '../src/series/series.ts'
import { Stream } from '../src/series/stream.ts'

const stream = new Stream(
  { name: 'test' },
  { name: 'm', description: '', unit: '', valueType: 0 },
  InstrumentType.COUNTER,
  { type: DataPointType.SUM, isMonotonic: true },
  1,
)

const value = fc.constantFrom(
  1,
  '1',
  true,
  'true',
  null,
  undefined,
  Number.NaN,
  0,
  -0,
  '',
  ['a', 'b'],
  ['a,b'],
  'a,b',
  [1],
)
const name = fc.constantFrom('a', 'b', 'c', '__proto__', '1')
// Long sets, and few values, so that sets are often the beginning of others.
const attributes = fc
  .array(fc.tuple(name, value), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries) as Attributes)
const step = fc.record({ attributes, forget: fc.boolean() })

test('it answers as a map by injective key does, through additions, deletions and other key orders', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const index = new AttributeIndex()
      const oracle = new Map<string, Series>()
      for (const { attributes, forget } of steps) {
        const reversed = Object.fromEntries(Object.entries(attributes).reverse()) as Attributes
        const expected = oracle.get(attributeKey(attributes))
        expect(index.find(attributes)).toBe(expected)
        expect(index.find(reversed)).toBe(expected)
        if (expected === undefined) {
          const series = new Series(stream, copyAttributes(attributes), 0)
          index.add(series)
          oracle.set(attributeKey(attributes), series)
          expect(index.find(reversed)).toBe(series)
        } else if (forget) {
          // As a series does when it is forgotten; its stream has an index of its own here.
          vi.spyOn(expected, 'isForgotten', 'get').mockReturnValue(true)
          index.delete(expected)
          oracle.delete(attributeKey(attributes))
          expect(index.find(attributes)).toBeUndefined()
        }
        expect(index.size).toBe(oracle.size)
      }
    }),
    { numRuns: 2_000 },
  )
})

// One attribute with many values at each place, so that series have something in common.
const manyValued = fc.record({
  attributes: fc
    .tuple(
      fc.array(fc.tuple(name, value), { maxLength: 1 }),
      name,
      fc.integer({ min: 0, max: 40 }),
      fc.array(fc.tuple(name, value), { maxLength: 2 }),
    )
    .map(([before, many, number, after]) => Object.fromEntries([...before, [many, number], ...after]) as Attributes),
  forget: fc.boolean(),
})

test('a series says what it was added with, whatever was added and deleted before and since', () => {
  fc.assert(
    fc.property(fc.array(manyValued, { maxLength: 200, size: 'max' }), (steps) => {
      const index = new AttributeIndex()
      const added: { readonly series: Series; readonly attributes: Attributes }[] = []
      for (const { attributes, forget } of steps) {
        const known = index.find(attributes)
        if (known === undefined) {
          const series = new Series(stream, copyAttributes(attributes), 0)
          index.add(series)
          added.push({ series, attributes })
        } else if (forget) {
          vi.spyOn(known, 'isForgotten', 'get').mockReturnValue(true)
          index.delete(known)
        }
      }
      for (const { series, attributes } of added) {
        expect(attributeKey(series.attributes)).toBe(attributeKey(attributes))
      }
    }),
    { numRuns: 300 },
  )
})

test('a node that is used for another name keeps nothing of what its series had in common', () => {
  const index = new AttributeIndex()
  // It ends at that node, which therefore stays.
  index.add(new Series(stream, copyAttributes({ a: 1 }), 0))
  const addAll = (name: string) =>
    Array.from({ length: 40 }, (_, i) => {
      const series = new Series(stream, copyAttributes({ a: 1, [name]: i, z: 1 }), 0)
      index.add(series)
      return series
    })
  const first = addAll('b')
  for (const series of first) index.delete(series)
  const second = addAll('c')
  expect(first.map((series) => series.attributes)).toEqual(first.map((_, b) => ({ a: 1, b, z: 1 })))
  expect(second.map((series) => series.attributes)).toEqual(first.map((_, c) => ({ a: 1, c, z: 1 })))
})

test('what a caller does to attributes that a series gave is no matter of the series', () => {
  const index = new AttributeIndex()
  const series = Array.from({ length: 40 }, (_, i) => {
    const each = new Series(stream, copyAttributes({ a: 1, b: i }), 0)
    index.add(each)
    return each
  })
  // Attributes that are the series' own are frozen, the others copied.
  for (const each of series) Reflect.set(each.attributes, 'a', 2)
  expect(series.map((each) => each.attributes)).toEqual(series.map((_, b) => ({ a: 1, b })))
})

test('key orders without end do not fill memory', () => {
  const index = new AttributeIndex()
  const names = Array.from({ length: 8 }, (_, i) => `key${i}`)
  const series = new Series(stream, Object.fromEntries(names.map((each) => [each, 1])), 0)
  index.add(series)
  for (let order = 0; order < 40_320; order += 1) {
    // The permutation with this number.
    const left = [...names]
    const ordered: Attributes = {}
    for (let rest = order, base = names.length; base > 0; base--) {
      ordered[left.splice(rest % base, 1)[0]!] = 1
      rest = Math.floor(rest / base)
    }
    expect(index.find(ordered)).toBe(series)
  }
  expect(index.detours).toBeLessThanOrEqual(1_002)
})

test('names that come and go leave nothing behind that later look-ups would pass by', () => {
  const index = new AttributeIndex()
  const cost = (from: number) => {
    const began = process.cpuUsage()
    for (let i = from; i < from + 3_000; i++) {
      const series = new Series(stream, { [`key${i}`]: 1 }, 0)
      index.add(series)
      index.delete(series)
    }
    const { user, system } = process.cpuUsage(began)
    return user + system
  }
  cost(0)
  const early = cost(3_000)
  for (let round = 2; round < 10; round++) cost(round * 3_000)
  // Passing by every name there ever was made the tenth round some ten times the second.
  const late = Math.min(...[30_000, 33_000, 36_000].map(cost))
  expect(late).toBeLessThan(4 * early + 5_000)
})
