import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import { bucketIndex, MAX_SCALE } from './exponential-index.ts'

/** Buckets per sign of a histogram unless its data say otherwise (OTel spec, "MaxSize"; SDK default). */
const DEFAULT_MAX_SIZE = 160

/**
 * A base-2 exponential histogram (OTel spec, metrics SDK, "Base2 Exponential Bucket Histogram Aggregation").
 *
 * INVARIANT: the scale of a histogram without buckets means nothing, whatever its number says: it is not compared and it
 * is replaced by the first buckets that arrive. `toValue` gives such a histogram scale 0, as the SDK does.
 *
 * The maximum size is not in the data: it is 160 or the most buckets a point has come with, whichever is more.
 */
export class ExponentialHistogramCell {
  count = 0
  sum = 0
  hasSum = true
  zeroCount = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  scale = MAX_SCALE
  maxSize = DEFAULT_MAX_SIZE
  readonly positive = new Buckets()
  readonly negative = new Buckets()

  /** NaN and infinities belong to no bucket and are ignored, as the SDK does. */
  record(value: number): void {
    if (!Number.isFinite(value)) return
    this.count += 1
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    if (value === 0) {
      this.zeroCount += 1
      return
    }
    if (this.#isWithoutBuckets()) this.scale = MAX_SCALE
    const buckets = value > 0 ? this.positive : this.negative
    const magnitude = Math.abs(value)
    const index = bucketIndex(magnitude, this.scale)
    const change = scaleChange(buckets.low(index), buckets.high(index), this.maxSize)
    this.#downscale(change)
    buckets.increment(index >> change, 1)
  }

  add(point: ExponentialHistogram): void {
    this.#combine(
      point.count,
      point.zeroCount,
      point.min ?? Number.POSITIVE_INFINITY,
      point.max ?? Number.NEGATIVE_INFINITY,
    )
    if (point.sum === undefined) this.hasSum = false
    else this.sum += point.sum
    const { positive, negative } = point
    this.#mergeBuckets(positive.offset, positive.bucketCounts, negative.offset, negative.bucketCounts, point.scale)
  }

  merge(later: ExponentialHistogramCell): void {
    this.#combine(later.count, later.zeroCount, later.min, later.max)
    this.sum += later.sum
    this.hasSum &&= later.hasSum
    this.maxSize = Math.max(this.maxSize, later.maxSize)
    const { positive, negative } = later
    this.#mergeBuckets(positive.offset, positive.counts, negative.offset, negative.counts, later.scale)
  }

  /** See {@link subtractCell}. What min and max were in between is unknown. A scale that grew finer is a reset, too. */
  subtract(earlier: ExponentialHistogramCell): boolean {
    const shift = earlier.#isWithoutBuckets() ? 0 : earlier.scale - this.scale
    if (shift < 0 || this.zeroCount < earlier.zeroCount) return false
    if (!this.positive.subtract(earlier.positive, shift) || !this.negative.subtract(earlier.negative, shift))
      return false
    this.count -= earlier.count
    this.zeroCount -= earlier.zeroCount
    this.sum -= earlier.sum
    this.hasSum &&= earlier.hasSum
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
    return true
  }

  reset(): void {
    this.count = 0
    this.sum = 0
    this.hasSum = true
    this.zeroCount = 0
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
    this.positive.clear()
    this.negative.clear()
  }

  clone(): ExponentialHistogramCell {
    const copy = new ExponentialHistogramCell()
    copy.merge(this)
    return copy
  }

  toValue(): ExponentialHistogram {
    return this.#value(this.positive.counts.slice(), this.negative.counts.slice())
  }

  intoValue(): ExponentialHistogram {
    return this.#value(this.positive.counts, this.negative.counts)
  }

  #value(positive: number[], negative: number[]): ExponentialHistogram {
    const value: ExponentialHistogram = {
      count: this.count,
      scale: this.#isWithoutBuckets() ? 0 : this.scale,
      zeroCount: this.zeroCount,
      positive: { offset: this.positive.offset, bucketCounts: positive },
      negative: { offset: this.negative.offset, bucketCounts: negative },
    }
    if (this.hasSum) value.sum = this.sum
    if (this.min <= this.max) {
      value.min = this.min
      value.max = this.max
    }
    return value
  }

  #isWithoutBuckets(): boolean {
    return this.positive.counts.length === 0 && this.negative.counts.length === 0
  }

  #combine(count: number, zeroCount: number, min: number, max: number): void {
    this.count += count
    this.zeroCount += zeroCount
    if (min < this.min) this.min = min
    if (max > this.max) this.max = max
  }

  /** Brings both to the finest scale at which the union of each sign fits the maximum size, then adds bucket by bucket. */
  #mergeBuckets(
    positiveOffset: number,
    positiveCounts: readonly number[],
    negativeOffset: number,
    negativeCounts: readonly number[],
    scale: number,
  ): void {
    if (positiveCounts.length === 0 && negativeCounts.length === 0) return
    this.maxSize = Math.max(this.maxSize, positiveCounts.length, negativeCounts.length)
    if (this.#isWithoutBuckets()) this.scale = scale
    this.#downscale(Math.max(0, this.scale - scale))
    const shift = scale - this.scale
    const change = Math.max(
      this.positive.changeToHold(positiveOffset, positiveCounts.length, shift, this.maxSize),
      this.negative.changeToHold(negativeOffset, negativeCounts.length, shift, this.maxSize),
    )
    this.#downscale(change)
    this.positive.merge(positiveOffset, positiveCounts, shift + change)
    this.negative.merge(negativeOffset, negativeCounts, shift + change)
  }

  #downscale(change: number): void {
    if (change === 0) return
    this.scale -= change
    this.positive.downscale(change)
    this.negative.downscale(change)
  }
}

/** A dense run of buckets: `counts[i]` belongs to the bucket with index `offset + i`. */
class Buckets {
  offset = 0
  counts: number[] = []

  /** The lowest index held, or `index` where that is lower. */
  low(index: number): number {
    return this.counts.length === 0 ? index : Math.min(this.offset, index)
  }

  /** The highest index held, or `index` where that is higher. */
  high(index: number): number {
    return this.counts.length === 0 ? index : Math.max(this.offset + this.counts.length - 1, index)
  }

  /** By how many scales to go down before a run of other buckets, itself shifted down by `shift`, fits beside these. */
  changeToHold(offset: number, length: number, shift: number, maxSize: number): number {
    if (length === 0) return 0
    return scaleChange(this.low(offset >> shift), this.high((offset + length - 1) >> shift), maxSize)
  }

  merge(offset: number, counts: readonly number[], shift: number): void {
    if (counts.length === 0) return
    this.#extend(offset >> shift, (offset + counts.length - 1) >> shift)
    for (let i = 0; i < counts.length; i++) this.counts[((offset + i) >> shift) - this.offset]! += counts[i]!
  }

  /** @returns false when there is less than what is to be taken */
  subtract(other: Buckets, shift: number): boolean {
    for (let i = 0; i < other.counts.length; i++) {
      const count = other.counts[i]!
      if (count === 0) continue
      const at = ((other.offset + i) >> shift) - this.offset
      if (!(this.counts[at]! >= count)) return false
      this.counts[at]! -= count
    }
    return true
  }

  increment(index: number, by: number): void {
    this.#extend(index, index)
    this.counts[index - this.offset]! += by
  }

  downscale(change: number): void {
    const { offset, counts } = this
    this.clear()
    this.merge(offset, counts, change)
  }

  clear(): void {
    this.offset = 0
    this.counts = []
  }

  #extend(low: number, high: number): void {
    const first = this.low(low)
    const last = this.high(high)
    if (this.counts.length > 0 && first === this.offset && last < first + this.counts.length) return
    const wider = new Array<number>(last - first + 1).fill(0)
    for (let i = 0; i < this.counts.length; i++) wider[this.offset - first + i] = this.counts[i]!
    this.offset = first
    this.counts = wider
  }
}

function scaleChange(low: number, high: number, maxSize: number): number {
  let change = 0
  while (high - low >= maxSize) {
    low >>= 1
    high >>= 1
    change++
  }
  return change
}
