import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketIndex, MAX_SCALE } from '../src/aggregation/exponential-index.ts'
import { expectWithin, MIN_NORMAL, magnitude } from './support/exponential-values.ts'

const scale = fc.integer({ min: -10, max: MAX_SCALE })
/** One at which not all boundaries are powers of two. */
const finerScale = fc.integer({ min: 1, max: MAX_SCALE })

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value)) && 2 ** Math.log2(value) === value
}

test('the index of a value is that of the bucket whose bounds enclose it, to one rounding, at every scale', () => {
  fc.assert(
    fc.property(magnitude, scale, (value, at) => expectWithin(value, bucketIndex(value, at), at)),
    { numRuns: 5_000 },
  )
})

test('the index is exact for powers of two and sees the smallest difference from one, at every scale', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1021, max: 1022 }), scale, (exponent, at) => {
      const power = 2 ** exponent
      const endsThere = Math.ceil(exponent * 2 ** at) - 1
      expect(bucketIndex(power, at)).toBe(endsThere)
      expect(bucketIndex(power * (1 - 2 ** -53), at)).toBe(endsThere)
      expect(bucketIndex(power * (1 + 2 ** -52), at)).toBe(Math.floor(exponent * 2 ** at))
    }),
    { numRuns: 1_000 },
  )
})

test('the index is to one rounding exact beside every boundary', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1021 * 2 ** 20, max: 1023 * 2 ** 20 }), finerScale, (position, at) => {
      const index = position >> (MAX_SCALE - at)
      const boundary = 2 ** (index * 2 ** -at)
      fc.pre(!isPowerOfTwo(boundary))
      expect(bucketIndex(boundary * (1 - 2 ** -50), at)).toBe(index - 1)
      expect(bucketIndex(boundary * (1 + 2 ** -50), at)).toBe(index)
    }),
    { numRuns: 5_000 },
  )
})

test('the index at a coarser scale is the finer one shifted down, without exception', () => {
  fc.assert(
    fc.property(magnitude, scale, (value, at) => {
      expect(bucketIndex(value, at)).toBe(bucketIndex(value, MAX_SCALE) >> (MAX_SCALE - at))
    }),
    { numRuns: 5_000 },
  )
})

test('the index grows with the value', () => {
  fc.assert(
    fc.property(magnitude, magnitude, scale, (a, b, at) => {
      expect(bucketIndex(Math.min(a, b), at)).toBeLessThanOrEqual(bucketIndex(Math.max(a, b), at))
    }),
    { numRuns: 2_000 },
  )
})

test('the index of subnormal values is that of the smallest normal one', () => {
  for (const value of [Number.MIN_VALUE, MIN_NORMAL / 2, MIN_NORMAL * (1 - 2 ** -52), MIN_NORMAL]) {
    for (let at = -10; at <= MAX_SCALE; at++) expect(bucketIndex(value, at)).toBe(Math.ceil(-1022 * 2 ** at) - 1)
  }
})
