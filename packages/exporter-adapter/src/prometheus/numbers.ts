/** The most that one number takes: `-0.0000012345678901234567`. */
export const NUMBER_BYTES = 25

const ZERO = 48
const POINT = 46
/** From here on ten times any fraction of a number, in units of half its last bit, is exact. */
const LEAST_FIXED = 16
const END_OF_FIXED = 2 ** 31
const MINUS = 45

/**
 * Writes a number as the text formats read it, as few digits as say it exactly. Needs {@link NUMBER_BYTES} of room.
 *
 * @returns where it ends
 */
export function writeNumber(into: Uint8Array, at: number, value: number): number {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeInteger(into, at, value)
  if (value >= LEAST_FIXED && value < END_OF_FIXED) return writeFixed(into, at, value)
  const text = numberText(value)
  for (let i = 0; i < text.length; i++) into[at++] = text.charCodeAt(i)
  return at
}

export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

function writeInteger(into: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    into[at++] = MINUS
    value = -value
  }
  // Small integers are divided without floating point.
  if (value <= 0x3fffffff) return writeSmall(into, at, value, digitsIn(value))
  const high = Math.floor(value / 1e9)
  const low = value - high * 1e9
  return writeSmall(into, writeInteger(into, at, high), low, 9)
}

function writeSmall(into: Uint8Array, at: number, value: number, digits: number): number {
  const end = at + digits
  let rest = value | 0
  for (let i = end - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0
    into[i] = ZERO + rest - tenth * 10
    rest = tenth
  }
  return end
}

function digitsIn(value: number): number {
  if (value < 10) return 1
  if (value < 100) return 2
  if (value < 1000) return 3
  if (value < 10_000) return 4
  if (value < 100_000) return 5
  if (value < 1_000_000) return 6
  if (value < 10_000_000) return 7
  if (value < 100_000_000) return 8
  return value < 1_000_000_000 ? 9 : 10
}

/**
 * A number that is no integer, with the fewest digits that are read back to it, and of those the nearest: what `String` gives,
 * without the string (Steele and White, "How to Print Floating-Point Numbers Accurately", 1990, in fixed point).
 *
 * INVARIANT: `rest` is what is left to say and `margin` half the distance to the next number, both in the same units, of which
 * `one` is 1. All three are integers below 2^53, and so exact.
 */
function writeFixed(into: Uint8Array, at: number, value: number): number {
  const whole = Math.floor(value)
  at = writeSmall(into, at, whole, digitsIn(whole))
  into[at++] = POINT
  const exponent = 31 - Math.clz32(whole)
  const one = POWERS_OF_TWO[53 - exponent]!
  let rest = (value - whole) * one
  let margin = 1
  // A number reads what is just half-way as the even one of its neighbours.
  const mantissa = value * (one / 2)
  const isEven = mantissa - 2 * Math.floor(mantissa / 2) === 0
  for (;;) {
    rest *= 10
    margin *= 10
    const digit = Math.floor(rest / one)
    rest -= digit * one
    const mayStay = isEven ? rest <= margin : rest < margin
    const mayRise = isEven ? rest + margin >= one : rest + margin > one
    if (mayStay || mayRise) {
      const rises = mayRise && (!mayStay || 2 * rest > one)
      into[at++] = ZERO + digit + (rises ? 1 : 0)
      return at
    }
    into[at++] = ZERO + digit
  }
}

const POWERS_OF_TWO = Float64Array.from({ length: 54 }, (_, i) => 2 ** i)
