import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import { Buckets, scaleChange } from './exponential-buckets.ts'
import { bucketIndex, MAX_SCALE } from './exponential-index.ts'

/** Buckets per sign of a histogram unless its data say otherwise (OTel spec, "MaxSize"; SDK default). */
const DEFAULT_MAX_SIZE = 160
/** Fewer could not hold the two buckets beside 1 at any scale (SDK: "minimum size"). */
const LEAST_MAX_SIZE = 2

/**
 * A base-2 exponential histogram (OTel spec, metrics SDK, "Base2 Exponential Bucket Histogram Aggregation").
 *
 * INVARIANT: the scale of a histogram without buckets means nothing, whatever its number says: it is not compared and
 * it is replaced by the first buckets that arrive. `toValue` gives such a histogram scale 0, as the SDK does.
 *
 * The maximum size is not in the data: it is the one given or the most buckets a point has come with, whichever is
 * more. Min and max are unknown while `min > max`.
 */
export class ExponentialHistogramCell {
  count = 0
  sum = 0
  hasSum = true
  zeroCount = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  scale = MAX_SCALE
  maxSize: number
  readonly recordMinMax: boolean
  readonly positive = new Buckets()
  readonly negative = new Buckets()

  /**
   * @param maxSize the most buckets of each sign, 2 or more; default: 160
   * @param recordMinMax whether min and max are kept, of values as of points; default: true
   * @throws RangeError for a maximum size that is not an integer of at least 2
   */
  constructor(maxSize = DEFAULT_MAX_SIZE, recordMinMax = true) {
    if (!Number.isInteger(maxSize) || maxSize < LEAST_MAX_SIZE) {
      throw new RangeError(`maxSize must be an integer of at least ${LEAST_MAX_SIZE}, got ${maxSize}`)
    }
    this.maxSize = maxSize
    this.recordMinMax = recordMinMax
  }

  /** Values are finite: others belong to no bucket. Allocates only where the run widens. */
  record(value: number): void {
    this.count += 1
    this.sum += value
    if (this.recordMinMax) {
      if (value < this.min) this.min = value
      if (value > this.max) this.max = value
    }
    if (value === 0) {
      this.zeroCount += 1
      return
    }
    // A point may have come at a scale that is too fine to give every value an index.
    if (this.scale > MAX_SCALE) this.#downscale(this.scale - MAX_SCALE)
    const buckets = value > 0 ? this.positive : this.negative
    const index = bucketIndex(value, this.scale)
    const at = index - buckets.offset
    if (at >= 0 && at < buckets.length) buckets.counts[buckets.start + at]! += 1
    else this.#recordBeside(buckets, index)
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
    const { positive, negative, scale } = point
    const positives = positive.bucketCounts
    const negatives = negative.bucketCounts
    const shift = this.#makeRoom(positive.offset, positives.length, negative.offset, negatives.length, scale)
    this.positive.add(positive.offset, positives.length, positives, 0, shift, this.maxSize)
    this.negative.add(negative.offset, negatives.length, negatives, 0, shift, this.maxSize)
  }

  merge(later: ExponentialHistogramCell): void {
    this.#combine(later.count, later.zeroCount, later.min, later.max)
    this.sum += later.sum
    this.hasSum &&= later.hasSum
    this.maxSize = Math.max(this.maxSize, later.maxSize)
    if (later.#isWithoutBuckets()) return
    if (this.#isWithoutBuckets()) {
      this.scale = later.scale
      this.positive.copy(later.positive)
      this.negative.copy(later.negative)
      return
    }
    const { positive, negative } = later
    const shift = this.#makeRoom(positive.offset, positive.length, negative.offset, negative.length, later.scale)
    this.positive.add(positive.offset, positive.length, positive.counts, positive.start, shift, this.maxSize)
    this.negative.add(negative.offset, negative.length, negative.counts, negative.start, shift, this.maxSize)
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

  /** Empties the cell for its next use. The storage of the buckets is kept: a series tends to need as many again. */
  reset(): void {
    this.count = 0
    this.sum = 0
    this.hasSum = true
    this.zeroCount = 0
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
    this.scale = MAX_SCALE
    this.positive.clear()
    this.negative.clear()
  }

  clone(): ExponentialHistogramCell {
    const copy = new ExponentialHistogramCell(this.maxSize, this.recordMinMax)
    copy.merge(this)
    return copy
  }

  toValue(): ExponentialHistogram {
    const value: ExponentialHistogram = {
      count: this.count,
      scale: this.#isWithoutBuckets() ? 0 : this.scale,
      zeroCount: this.zeroCount,
      positive: { offset: this.positive.offset, bucketCounts: this.positive.toCounts() },
      negative: { offset: this.negative.offset, bucketCounts: this.negative.toCounts() },
    }
    if (this.hasSum) value.sum = this.sum
    if (this.min <= this.max) {
      value.min = this.min
      value.max = this.max
    }
    return value
  }

  #isWithoutBuckets(): boolean {
    return this.positive.length === 0 && this.negative.length === 0
  }

  #combine(count: number, zeroCount: number, min: number, max: number): void {
    this.count += count
    this.zeroCount += zeroCount
    if (!this.recordMinMax) return
    if (min < this.min) this.min = min
    if (max > this.max) this.max = max
  }

  /** Records where there is no bucket yet: the run widens, after a change of scale if it would be too long. */
  #recordBeside(buckets: Buckets, index: number): void {
    const change = scaleChange(buckets.low(index), buckets.high(index), this.maxSize)
    this.#downscale(change)
    buckets.increment(index >> change, this.maxSize)
  }

  /**
   * Goes down to the finest scale at which the union of each sign with other buckets fits the maximum size.
   *
   * @returns by how much the indices of the others are to be shifted down
   */
  #makeRoom(
    positiveOffset: number,
    positiveLength: number,
    negativeOffset: number,
    negativeLength: number,
    scale: number,
  ): number {
    if (positiveLength === 0 && negativeLength === 0) return 0
    this.maxSize = Math.max(this.maxSize, positiveLength, negativeLength)
    if (this.#isWithoutBuckets()) this.scale = scale
    else if (scale < this.scale) this.#downscale(this.scale - scale)
    const shift = scale - this.scale
    const change = Math.max(
      this.positive.changeToHold(positiveOffset, positiveLength, shift, this.maxSize),
      this.negative.changeToHold(negativeOffset, negativeLength, shift, this.maxSize),
    )
    this.#downscale(change)
    return shift + change
  }

  #downscale(change: number): void {
    if (change === 0) return
    this.scale -= change
    this.positive.downscale(change)
    this.negative.downscale(change)
  }
}
