import type { Histogram } from '@opentelemetry/sdk-metrics'

/**
 * Counts per bucket with sum, count, min and max (OTel spec, metrics SDK, "Explicit Bucket Histogram Aggregation").
 *
 * Bucket `i` holds values in `(boundaries[i - 1], boundaries[i]]`; the last one holds what is above every boundary.
 * Min and max are unknown while `min > max`. The sum is left out of the value once a point without one was added:
 * instruments that allow negative values have none.
 */
export class ExplicitHistogramCell {
  readonly boundaries: readonly number[]
  readonly counts: number[]
  count = 0
  sum = 0
  hasSum = true
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY

  /** @param counts to start with, not copied; default: none */
  constructor(boundaries: readonly number[], counts = new Array<number>(boundaries.length + 1).fill(0)) {
    this.boundaries = boundaries
    this.counts = counts
  }

  /** NaN belongs to no bucket and is ignored, as the SDK does. */
  record(value: number): void {
    if (Number.isNaN(value)) return
    this.count += 1
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    this.counts[bucketOf(this.boundaries, value)]! += 1
  }

  add(point: Histogram): void {
    this.#combine(point.buckets.counts, point.count, point.min, point.max)
    if (point.sum === undefined) this.hasSum = false
    else this.sum += point.sum
  }

  merge(later: ExplicitHistogramCell): void {
    this.#combine(later.counts, later.count, later.min, later.max)
    this.sum += later.sum
    this.hasSum &&= later.hasSum
  }

  /** See {@link subtractCell}. What min and max were in between is unknown. */
  subtract(earlier: ExplicitHistogramCell): boolean {
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i]! -= earlier.counts[i]!
      if (this.counts[i]! < 0) return false
    }
    this.count -= earlier.count
    this.sum -= earlier.sum
    this.hasSum &&= earlier.hasSum
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
    return true
  }

  reset(): void {
    this.counts.fill(0)
    this.count = 0
    this.sum = 0
    this.hasSum = true
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
  }

  clone(): ExplicitHistogramCell {
    const copy = new ExplicitHistogramCell(this.boundaries, this.counts.slice())
    copy.count = this.count
    copy.sum = this.sum
    copy.hasSum = this.hasSum
    copy.min = this.min
    copy.max = this.max
    return copy
  }

  toValue(): Histogram {
    return this.#value(this.counts.slice())
  }

  intoValue(): Histogram {
    return this.#value(this.counts)
  }

  #value(counts: number[]): Histogram {
    const value: Histogram = {
      buckets: { boundaries: this.boundaries as number[], counts },
      count: this.count,
    }
    if (this.hasSum) value.sum = this.sum
    if (this.min <= this.max) {
      value.min = this.min
      value.max = this.max
    }
    return value
  }

  #combine(counts: readonly number[], count: number, min: number | undefined, max: number | undefined): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += counts[i]!
    this.count += count
    if (min !== undefined && min < this.min) this.min = min
    if (max !== undefined && max > this.max) this.max = max
  }
}

function bucketOf(boundaries: readonly number[], value: number): number {
  let low = 0
  let high = boundaries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (boundaries[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
