/** The finest scale (OTel spec, metrics SDK, "MaxScale"). */
export const MAX_SCALE = 20

const MIN_NORMAL = 2 ** -1022
const MIN_NORMAL_EXPONENT = -1022

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
// Which of the two 32-bit words holds sign and exponent depends on the machine's byte order.
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0
const LOW = 1 - HIGH

/**
 * The index of the bucket a positive, finite value belongs to: the `index` with `base^index < value <= base^(index + 1)`
 * and `base = 2^(2^-scale)` (OTel data model, "Exponential Buckets").
 *
 * Powers of two, which lie on a boundary at every scale, are exact. Others are within one bucket of a boundary at most
 * one rounding of `Math.log` away, as the data model allows. Subnormal values count as the smallest normal one.
 */
export function bucketIndex(value: number, scale: number): number {
  if (value < MIN_NORMAL) value = MIN_NORMAL
  float[0] = value
  const high = words[HIGH]!
  const exponent = (high >>> 20) - 1023
  const isPowerOfTwo = (high & 0xfffff) === 0 && words[LOW] === 0
  if (scale <= 0) return (isPowerOfTwo ? exponent - 1 : exponent) >> -scale
  if (isPowerOfTwo) return exponent * 2 ** scale - 1
  const index = Math.floor(Math.log(value) * (Math.LOG2E * 2 ** scale))
  // Rounding must not carry a value past the power of two above it, nor below the one beneath.
  const lowest = Math.max(exponent, MIN_NORMAL_EXPONENT) * 2 ** scale
  return Math.min(Math.max(index, lowest), (exponent + 1) * 2 ** scale - 1)
}
