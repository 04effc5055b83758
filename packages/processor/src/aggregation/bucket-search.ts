const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
/** Which of the two 32-bit words holds sign, exponent and the upper bits of the fraction depends on the byte order. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/** Bits of the fraction in a word, beside which the table looks at as many as it has room for. */
const FRACTION_BITS = 20
const MOST_DETAIL = 3
const LARGEST_TABLE = 1024

/**
 * Most boundaries of a histogram. Each series has a number for each of them, and each scrape a line; the table has 16 bits to
 * count them.
 */
export const MOST_BOUNDARIES = 10_000

const searches = new WeakMap<readonly number[], BucketSearch>()

/**
 * Finds the bucket of a value among explicit boundaries: the first one that is not below it.
 *
 * For positive values the upper bits of the double, its exponent and the start of its fraction, are the index of a table
 * that says where to start; from there it is no boundary or one, as a rule. Positive doubles are ordered as their bits are.
 */
export class BucketSearch {
  /** The boundaries, and one that nothing is above. */
  readonly #bounds: readonly number[]
  /** By upper bits, from `#firstBits` on: the first boundary that is not below all values with these bits. */
  readonly #starts: Uint16Array
  readonly #firstBits: number
  readonly #shift: number

  /** The search among these boundaries, which are strictly increasing: one for all cells that have the same array. */
  static among(boundaries: readonly number[]): BucketSearch {
    let search = searches.get(boundaries)
    if (search === undefined) {
      search = new BucketSearch(boundaries)
      searches.set(boundaries, search)
    }
    return search
  }

  private constructor(boundaries: readonly number[]) {
    this.#bounds = [...boundaries, Number.POSITIVE_INFINITY]
    const smallest = boundaries.find((boundary) => boundary > 0) ?? 1
    const largest = Math.max(smallest, boundaries.at(-1) ?? 1)
    let shift = FRACTION_BITS - MOST_DETAIL
    while ((upperBits(largest) >>> shift) - (upperBits(smallest) >>> shift) >= LARGEST_TABLE) shift++
    this.#shift = shift
    this.#firstBits = upperBits(smallest) >>> shift
    const length = (upperBits(largest) >>> shift) - this.#firstBits + 1
    // Below the first entry there are values, too: their search starts with it.
    const first = boundaries.indexOf(smallest)
    let start = first === -1 ? boundaries.length : first
    this.#starts = Uint16Array.from({ length }, (_, i) => {
      float[0] = 0
      words[HIGH] = (this.#firstBits + i) << shift
      const lowest = float[0]
      while (i > 0 && boundaries[start]! < lowest) start++
      return start
    })
  }

  /** The bucket of a value that is a number: the last one, `boundaries.length`, is above all of them. */
  bucketOf(value: number): number {
    const bounds = this.#bounds
    let bucket = 0
    if (value > 0) {
      float[0] = value
      const index = (words[HIGH]! >>> this.#shift) - this.#firstBits
      const starts = this.#starts
      bucket = index <= 0 ? starts[0]! : index < starts.length ? starts[index]! : bounds.length - 1
    }
    while (bounds[bucket]! < value) bucket++
    return bucket
  }
}

function upperBits(value: number): number {
  float[0] = value
  return words[HIGH]!
}
