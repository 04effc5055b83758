/** The finest scale (OTel spec, metrics SDK, "MaxScale"). */
export const MAX_SCALE = 20

/**
 * Tables give the index at this scale; coarser indices are shifts of it, finer ones need the logarithm of what is left.
 * At 8 the tables stay small beside a 32 KiB cache, and 160 buckets reach it when the largest value is but 1.5 times
 * the smallest: finer scales are for values that hardly differ.
 */
const TABLE_SCALE = 8
const TABLE_SIZE = 1 << TABLE_SCALE

/** Where 2^-1022 belongs, the smallest normal value. */
const LOWEST_INDEX = (-1022 << TABLE_SCALE) - 1

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
// Which of the two 32-bit words holds sign and exponent depends on the machine's byte order.
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0
const LOW = 1 - HIGH

const SIGNIFICAND_HIGH = 0xfffff
const LOW_WORDS_PER_HIGH = 0x1_0000_0000
const SIGNIFICAND = 2 ** 52

/** The boundaries `2^(i / TABLE_SIZE)` as the two words of a significand; the last is above all significands. */
const boundaryHigh = new Uint32Array(TABLE_SIZE + 1)
const boundaryLow = new Uint32Array(TABLE_SIZE + 1)
/** `1 / boundary`, in units of a significand's last bit. */
const inverse = new Float64Array(TABLE_SIZE)
/**
 * The first boundary that is not below the start of each of `2 * TABLE_SIZE` equal parts of [1, 2).
 *
 * INVARIANT: boundaries are at least `ln 2 / TABLE_SIZE` apart, so a part has at most one and a single comparison
 * decides.
 */
const boundaryIn = new Uint16Array(2 * TABLE_SIZE)
const PART_SHIFT = 20 - (TABLE_SCALE + 1)

/** From natural logarithms to positions at each scale. Powers of two multiply exactly, so all scales round alike. */
const perLog = Float64Array.from({ length: MAX_SCALE + 1 }, (_, scale) => Math.LOG2E * 2 ** scale)

for (let i = 0; i < TABLE_SIZE; i++) {
  const boundary = 2 ** (i / TABLE_SIZE)
  float[0] = boundary
  boundaryHigh[i] = words[HIGH]! & SIGNIFICAND_HIGH
  boundaryLow[i] = words[LOW]!
  inverse[i] = 1 / (boundary * SIGNIFICAND)
}
boundaryHigh[TABLE_SIZE] = SIGNIFICAND_HIGH + 1
for (let part = 0, boundary = 0; part < boundaryIn.length; part++) {
  if (boundaryHigh[boundary]! < part << PART_SHIFT) boundary++
  boundaryIn[part] = boundary
}

/**
 * The index of the bucket for the magnitude of a value, which is finite and not 0: the `index` with
 * `base^index < magnitude <= base^(index + 1)` and `base = 2^(2^-scale)` (OTel data model, "Exponential Buckets"), for
 * scales from -23 to 20.
 *
 * Powers of two, which lie on a boundary at every scale, are exact. Others are within one bucket of a boundary at most
 * one rounding away, as the data model allows. Subnormal values count as the smallest normal one.
 *
 * INVARIANT: indices agree across scales: `bucketIndex(value, scale - n) === bucketIndex(value, scale) >> n`. So it
 * does not matter whether a histogram became coarse before or after a value was recorded.
 */
export function bucketIndex(value: number, scale: number): number {
  float[0] = value
  const word = words[HIGH]!
  const high = word & SIGNIFICAND_HIGH
  const boundary = boundaryIn[high >>> PART_SHIFT]!
  const limit = boundaryHigh[boundary]!
  let index = ((((word >>> 20) & 0x7ff) - 1023) << TABLE_SCALE) + boundary
  if (high < limit || (high === limit && words[LOW]! <= boundaryLow[boundary]!)) index--
  if (index < LOWEST_INDEX) index = LOWEST_INDEX
  return scale > TABLE_SCALE ? finerIndex(index, scale) : index >> (TABLE_SCALE - scale)
}

/** The index at a scale above that of the table, for the value in `float` whose index by the table is `index`. */
function finerIndex(index: number, scale: number): number {
  const high = words[HIGH]! & SIGNIFICAND_HIGH
  const low = words[LOW]!
  const last = (1 << (scale - TABLE_SCALE)) - 1
  const first = index << (scale - TABLE_SCALE)
  // The value is the boundary above, which belongs to the bucket that ends there.
  if ((high === 0 && low === 0) || index === LOWEST_INDEX) return first + last

  // What is left is in (1, 2^(1 / 256)]: five terms of the series of log(1 + x) are as precise as a double is.
  const below = index & (TABLE_SIZE - 1)
  const x = ((high - boundaryHigh[below]!) * LOW_WORDS_PER_HIGH + (low - boundaryLow[below]!)) * inverse[below]!
  const square = x * x
  const log = x - square * (0.5 - x * (1 / 3) + square * (0.25 - x * 0.2))
  // Rounding must not carry a value past the boundary above it.
  return first + Math.min((log * perLog[scale]!) | 0, last)
}
