import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeenKeys } from '../src/core/seen-keys.ts'

/** How many keys may follow one that is still known. */
const WINDOW = 2 ** 19

describe('a key that was seen', () => {
  test('is known, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (keys) => {
        const seen = new SeenKeys()
        for (const key of keys) seen.add(key)
        expect(keys.every((key) => seen.has(key))).toBe(true)
      }),
    )
  })

  test('is known until half a million others were, and keys that were not seen hardly ever are', () => {
    const seen = new SeenKeys()
    const addEach = (from: number, to: number) => {
      for (let i = from; i < to; i++) seen.add(`4:hosts7:${i}`)
    }
    const countKnown = (from: number, to: number) => {
      let known = 0
      for (let i = from; i < to; i++) if (seen.has(`4:hosts7:${i}`)) known++
      return known
    }
    addEach(0, 100_000)
    expect(countKnown(0, 100_000)).toBe(100_000)
    expect(countKnown(10_000_000, 10_300_000)).toBe(0)
    addEach(100_000, 3 * WINDOW)
    expect(countKnown(2 * WINDOW, 3 * WINDOW)).toBe(WINDOW)
    expect(countKnown(10_000_000, 10_300_000)).toBeLessThan(300_000 / 500)
    // Nor does it keep all there ever was.
    expect(countKnown(0, WINDOW / 2)).toBeLessThan(WINDOW / 2 / 500)
  })

  test('counts once towards what others are forgotten for', () => {
    const seen = new SeenKeys()
    seen.add('first')
    for (let i = 0; i < 2 * WINDOW; i++) seen.add(`${i % 1000}`)
    expect(seen.has('first')).toBe(true)
  })
})

test('a key that was not seen is not known', () => {
  expect(new SeenKeys().has('')).toBe(false)
})
