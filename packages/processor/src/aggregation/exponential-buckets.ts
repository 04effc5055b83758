const LEAST_CAPACITY = 8

/**
 * A dense run of buckets of one sign: `counts[start + i]` belongs to the bucket with index `offset + i`, for every `i`
 * from 0 up to `length`.
 *
 * The storage is kept when the run is cleared, and may be longer than the run, but never than the maximum size.
 *
 * INVARIANT: what lies in the storage beside the run is zero. A run without buckets has offset 0.
 */
export class Buckets {
  offset = 0
  length = 0
  start = 0
  counts: number[] = []

  /** The lowest index held, or `index` where that is lower. */
  low(index: number): number {
    return this.length === 0 || index < this.offset ? index : this.offset
  }

  /** The highest index held, or `index` where that is higher. */
  high(index: number): number {
    const last = this.offset + this.length - 1
    return this.length === 0 || index > last ? index : last
  }

  /** By how many scales to go down before a run of other buckets, itself shifted down by `shift`, fits beside these. */
  changeToHold(offset: number, length: number, shift: number, maxSize: number): number {
    if (length === 0) return 0
    return scaleChange(this.low(offset >> shift), this.high((offset + length - 1) >> shift), maxSize)
  }

  /** INVARIANT: `index` and the run fit the maximum size together. */
  increment(index: number, maxSize: number): void {
    this.#widen(index, index, maxSize)
    this.counts[this.start + index - this.offset]! += 1
  }

  /**
   * Adds `length` counts, from `counts[start]` on, to the buckets from `offset >> shift` on.
   *
   * INVARIANT: they and the run fit the maximum size together.
   */
  add(offset: number, length: number, counts: readonly number[], start: number, shift: number, maxSize: number): void {
    if (length === 0) return
    this.#widen(offset >> shift, (offset + length - 1) >> shift, maxSize)
    const own = this.counts
    const bias = this.start - this.offset
    if (shift === 0) {
      const at = bias + offset
      for (let i = 0; i < length; i++) own[at + i]! += counts[start + i]!
    } else {
      for (let i = 0; i < length; i++) own[bias + ((offset + i) >> shift)]! += counts[start + i]!
    }
  }

  /** Becomes a copy of the others. INVARIANT: this run is empty and its maximum size holds theirs. */
  copy(other: Buckets): void {
    if (this.counts.length > 0) {
      this.add(other.offset, other.length, other.counts, other.start, 0, other.length)
      return
    }
    this.counts = other.toCounts()
    this.offset = other.offset
    this.length = other.length
  }

  /** @returns false when there is less than what is to be taken */
  subtract(other: Buckets, shift: number): boolean {
    for (let i = 0; i < other.length; i++) {
      const count = other.counts[other.start + i]!
      if (count === 0) continue
      const at = ((other.offset + i) >> shift) - this.offset
      if (!(at >= 0 && at < this.length && this.counts[this.start + at]! >= count)) return false
      this.counts[this.start + at]! -= count
    }
    return true
  }

  /** Makes the run coarser in place. */
  downscale(change: number): void {
    const { offset, length, start, counts } = this
    if (length === 0) return
    const first = offset >> change
    for (let i = 0; i < length; i++) {
      const count = counts[start + i]!
      counts[start + i] = 0
      // Never beyond `i`: what is still to be read is not written.
      counts[start + ((offset + i) >> change) - first]! += count
    }
    this.offset = first
    this.length = ((offset + length - 1) >> change) - first + 1
  }

  /** Empties the run and keeps its storage. */
  clear(): void {
    if (this.length === 0) return
    this.counts.fill(0, this.start, this.start + this.length)
    this.offset = 0
    this.length = 0
  }

  /** The counts of the run, copied. */
  toCounts(): number[] {
    // A clone's storage is as long as its run, and a whole array is copied nearly twice as fast as a part of one.
    if (this.length === this.counts.length) return this.counts.slice()
    return this.counts.slice(this.start, this.start + this.length)
  }

  #widen(low: number, high: number, maxSize: number): void {
    const first = this.low(low)
    const length = this.high(high) - first + 1
    const shifted = this.length === 0 ? 0 : this.offset - first
    let start = this.start - shifted
    if (this.length === 0 || start < 0 || start + length > this.counts.length) {
      const capacity = this.counts.length
      const counts =
        length <= capacity
          ? this.counts
          : new Array<number>(Math.min(maxSize, Math.max(LEAST_CAPACITY, 2 * length))).fill(0)
      // In the middle, for nobody knows on which side the next bucket will be.
      start = (counts.length - length) >> 1
      this.#move(counts, start + shifted)
    }
    this.start = start
    this.offset = first
    this.length = length
  }

  #move(counts: number[], start: number): void {
    const from = this.counts
    const last = this.length - 1
    const isUpward = start > this.start
    for (let i = 0; i <= last; i++) {
      const at = isUpward ? last - i : i
      const count = from[this.start + at]!
      from[this.start + at] = 0
      counts[start + at] = count
    }
    this.counts = counts
  }
}

/** By how many scales to go down before the buckets from `low` to `high` fit the maximum size, which is at least 2. */
export function scaleChange(low: number, high: number, maxSize: number): number {
  let change = 0
  while (high - low >= maxSize) {
    low >>= 1
    high >>= 1
    change++
  }
  return change
}
