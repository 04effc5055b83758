import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NUMBER_BYTES, numberText, writeNumber } from '../src/prometheus/numbers.ts'

const bytes = new Uint8Array(NUMBER_BYTES + 1)

function written(value: number): string {
  const end = writeNumber(bytes, 1, value)
  return Buffer.from(bytes.subarray(1, end)).toString('latin1')
}

/** Doubles of all magnitudes, and those just beside round decimals and powers of two. */
const beside = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.integer({ min: 0, max: 31 }).map((power) => 2 ** power),
    ),
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: -3, max: 3 }),
  )
  .map(([whole, digits, steps]) => {
    const value = whole / 10 ** digits
    return value + steps * (Math.abs(value) || 1) * Number.EPSILON
  })

describe('a number', () => {
  test('has just the digits that JavaScript gives it', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: 16, max: 2 ** 31, noNaN: true }),
      // Times in seconds, as of series that were created.
      fc.integer({ min: 1.7e15, max: 2.2e15 }).map((micros) => micros / 1e6),
      fc.maxSafeInteger(),
      beside,
    )
    fc.assert(
      fc.property(value, (each) => {
        expect(written(each)).toBe(Object.is(each, -0) ? '-0' : String(each))
      }),
      { numRuns: 100_000 },
    )
  })

  test.each([
    [0, '0'],
    [-0, '-0'],
    [9, '9'],
    [1_073_741_823, '1073741823'],
    [1_073_741_824, '1073741824'],
    [1_000_000_000_001, '1000000000001'],
    [-9_007_199_254_740_991, '-9007199254740991'],
    [2 ** 53, '9007199254740992'],
    [1e21, '1e+21'],
    [5e-324, '5e-324'],
    [-1.7976931348623157e308, '-1.7976931348623157e+308'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
  ])('%d is %s', (value, text) => {
    expect([written(value), numberText(value)]).toEqual([text, text])
  })

  test('fits into the room that is asked for it', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(numberText(value).length).toBeLessThanOrEqual(NUMBER_BYTES)
      }),
    )
  })
})
