import fc from 'fast-check'
import { expect } from 'vitest'

export const MIN_NORMAL = 2 ** -1022
/** Boundaries that are not powers of two are known to one rounding; so is what they are compared with here. */
const ROUNDING = 2 ** -51

/** Positive values: everyday ones, some that hardly differ, powers of two, other boundaries, subnormal and huge. */
export const magnitude = fc.oneof(
  { weight: 3, arbitrary: fc.double({ min: 1e-3, max: 1e3, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 100, max: 101, noNaN: true }) },
  fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true }),
  fc.integer({ min: -1022, max: 1023 }).map((exponent) => 2 ** exponent),
  fc.integer({ min: 1, max: 1000 }).map((steps) => steps * Number.MIN_VALUE),
  fc.integer({ min: -1021 * 256, max: 1023 * 256 }).map((position) => 2 ** (position / 256)),
  fc.constant(Number.MAX_VALUE),
)

/** Whether a positive value lies in a bucket, to one rounding; subnormal ones count as the smallest normal one. */
export function expectWithin(value: number, index: number, atScale: number): void {
  const counted = Math.max(value, MIN_NORMAL)
  const lower = 2 ** (index * 2 ** -atScale)
  const upper = 2 ** ((index + 1) * 2 ** -atScale)
  expect(counted).toBeGreaterThan(lower * (1 - ROUNDING))
  expect(counted).toBeLessThanOrEqual(upper * (1 + ROUNDING))
}
