/** Bits of one half: 1 MiB. */
const BITS = 2 ** 23
/** Keys of one half: 16 bits each. */
const MOST_KEYS = 2 ** 19
/** Bits that a key sets: with so many, a full half takes one unknown key in a thousand for a known one. */
const PROBES = 6

/**
 * Remembers that keys were there and nothing more of them, in at most 2 MiB: a Bloom filter in two halves, of which the
 * older one is forgotten when the newer one is full.
 *
 * GUARANTEE: a key that was added is known until half a million others (2^19) have been added after it. One that never was
 * is taken for known hardly ever: below 1 in 10^8 up to 100,000 keys, below 1 in 500 with any number.
 */
export class SeenKeys {
  #newer: Uint32Array | undefined
  #older: Uint32Array | undefined
  #inNewer = 0

  add(key: string): void {
    if (this.#newer === undefined || this.#inNewer === MOST_KEYS) {
      this.#older = this.#newer
      this.#newer = new Uint32Array(BITS / 32)
      this.#inNewer = 0
    }
    hash(key)
    if (areSet(this.#newer)) return
    this.#inNewer++
    for (let i = 0, bit = first; i < PROBES; i++, bit += step) this.#newer[word(bit)]! |= 1 << bit
  }

  has(key: string): boolean {
    if (this.#newer === undefined) return false
    hash(key)
    return areSet(this.#newer) || (this.#older !== undefined && areSet(this.#older))
  }
}

/** The bits of the key that was hashed last: the first, and how far apart they are. */
let first = 0
let step = 0

/** Two hashes that have nothing to do with each other, by multiplication with odd constants and a last mixing of both. */
function hash(key: string): void {
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x5f356495)
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  first = a & (BITS - 1)
  // Odd, so that no two of its bits are the same.
  step = (b & (BITS - 1)) | 1
}

function areSet(bits: Uint32Array): boolean {
  for (let i = 0, bit = first; i < PROBES; i++, bit += step) {
    if ((bits[word(bit)]! & (1 << bit)) === 0) return false
  }
  return true
}

function word(bit: number): number {
  return (bit & (BITS - 1)) >>> 5
}
