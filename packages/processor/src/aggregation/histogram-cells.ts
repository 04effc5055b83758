import type { Histogram } from '@opentelemetry/sdk-metrics'
import { CHUNK_MASK, CHUNK_SHIFT, Rows } from '../core/rows.ts'
import { BucketSearch } from './bucket-search.ts'
import type { Cells, PointValue, Row } from './cells.ts'

/**
 * The sum of a histogram that has none, as of instruments that allow negative values: adding up from 0 never yields -0, so
 * this costs neither a flag nor a NaN, which may be a sum.
 */
const NO_SUM = -0

/**
 * Counts per bucket with sum, min and max (OTel spec, metrics SDK, "Explicit Bucket Histogram Aggregation").
 *
 * Bucket `i` holds values in `(boundaries[i - 1], boundaries[i]]`; the last one holds what is above every boundary. The
 * count is the sum of the buckets. Min and max are unknown while `min > max`. The sum is unknown once a point without one
 * was added.
 *
 * A row: the counts, then sum, min, max.
 */
export class HistogramCells implements Cells {
  readonly #boundaries: readonly number[]
  readonly #buckets: number
  readonly #recordsSum: boolean
  /** Whether sum, min and max are all recorded, which is the rule. */
  readonly #recordsAll: boolean
  readonly #recordsMinMax: boolean
  readonly #search: BucketSearch
  readonly #rows: Rows

  /** @param recordsSum false for instruments that allow negative values: their sum says nothing */
  constructor(boundaries: readonly number[], recordsSum: boolean, recordsMinMax = true) {
    this.#boundaries = boundaries
    this.#recordsSum = recordsSum
    this.#recordsMinMax = recordsMinMax
    this.#recordsAll = recordsSum && recordsMinMax
    this.#buckets = boundaries.length + 1
    this.#search = BucketSearch.among(boundaries)
    this.#rows = new Rows(this.#buckets + 3)
  }

  reset({ row }: Row): void {
    this.#rows.reserve(row)
    const chunk = this.#rows.chunks[row >>> CHUNK_SHIFT]!
    const at = (row & CHUNK_MASK) * this.#rows.width
    const sum = at + this.#buckets
    for (let i = at; i < sum; i++) chunk[i] = 0
    chunk[sum] = this.#recordsSum ? 0 : NO_SUM
    chunk[sum + 1] = Number.POSITIVE_INFINITY
    chunk[sum + 2] = Number.NEGATIVE_INFINITY
  }

  /** Records a measurement. NaN belongs to no bucket: it must not come here. */
  record({ row }: Row, value: number): void {
    const { chunks, width } = this.#rows
    const chunk = chunks[row >>> CHUNK_SHIFT]!
    const end = ((row & CHUNK_MASK) + 1) * width
    chunk[end - width + this.#search.bucketOf(value)]! += 1
    if (this.#recordsAll) {
      chunk[end - 3]! += value
      if (value < chunk[end - 2]!) chunk[end - 2] = value
      if (value > chunk[end - 1]!) chunk[end - 1] = value
    } else {
      this.#recordSome(chunk, end - 3, value)
    }
  }

  add({ row }: Row, value: PointValue): void {
    const { buckets, count, sum, min, max } = value as Histogram
    const { counts } = buckets
    const chunk = this.#rows.chunks[row >>> CHUNK_SHIFT]!
    const at = (row & CHUNK_MASK) * this.#rows.width
    // The data model allows a histogram that has a count and nothing else; and buckets that are too many are left out.
    if (counts.length !== this.#buckets) chunk[at]! += count
    else for (let i = 0; i < counts.length; i++) chunk[at + i]! += counts[i]!
    this.#combine(chunk, at + this.#buckets, sum === undefined ? NO_SUM : sum + 0, min, max)
  }

  merge({ row }: Row, from: HistogramCells, of: Row): void {
    const chunk = this.#rows.chunks[row >>> CHUNK_SHIFT]!
    const at = (row & CHUNK_MASK) * this.#rows.width
    const other = from.#rows.chunks[of.row >>> CHUNK_SHIFT]!
    const otherAt = (of.row & CHUNK_MASK) * from.#rows.width
    const buckets = this.#buckets
    for (let i = 0; i < buckets; i++) chunk[at + i]! += other[otherAt + i]!
    const otherSum = otherAt + buckets
    this.#combine(chunk, at + buckets, other[otherSum]!, other[otherSum + 1], other[otherSum + 2])
  }

  /** The counts and the sum, {@link NO_SUM} where there is none. */
  copyInto(row: number, into: Float64Array): void {
    const chunk = this.#rows.chunks[row >>> CHUNK_SHIFT]!
    const at = (row & CHUNK_MASK) * this.#rows.width
    for (let i = 0; i <= this.#buckets; i++) into[i] = chunk[at + i]!
  }

  valueOf({ row }: Row): Histogram {
    const chunk = this.#rows.chunks[row >>> CHUNK_SHIFT]!
    const at = (row & CHUNK_MASK) * this.#rows.width
    const length = this.#buckets
    const counts = new Array<number>(length)
    let count = 0
    for (let i = 0; i < length; i++) {
      const inBucket = chunk[at + i]!
      counts[i] = inBucket
      count += inBucket
    }
    const buckets = { boundaries: this.#boundaries.slice(), counts }
    const sum = chunk[at + length]!
    const min = chunk[at + length + 1]!
    const max = chunk[at + length + 2]!
    if (!Object.is(sum, NO_SUM) && min <= max) return { buckets, count, sum, min, max }
    return {
      buckets,
      count,
      ...(!Object.is(sum, NO_SUM) && { sum }),
      ...(min <= max && { min, max }),
    }
  }

  #recordSome(chunk: Float64Array, sum: number, value: number): void {
    if (this.#recordsSum) chunk[sum]! += value
    if (this.#recordsMinMax) this.#combine(chunk, sum, NO_SUM, value, value)
  }

  #combine(chunk: Float64Array, at: number, sum: number, min: number | undefined, max: number | undefined): void {
    if (Object.is(sum, NO_SUM)) chunk[at] = NO_SUM
    else if (!Object.is(chunk[at], NO_SUM)) chunk[at]! += sum
    if (min !== undefined && min < chunk[at + 1]!) chunk[at + 1] = min
    if (max !== undefined && max > chunk[at + 2]!) chunk[at + 2] = max
  }
}
