import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'

/** The standard schemas (Prometheus, native histograms, "Schema"). */
const LOWEST_SCHEMA = -4
const HIGHEST_SCHEMA = 8
/** The widest zero that counts as zero, of points that say none (OTel spec, compatibility, "Exponential Histograms"). */
const DEFAULT_ZERO_THRESHOLD = 1e-128
/** So many empty buckets between two others take less room than another span. */
const MOST_EMPTY_IN_A_SPAN = 2

/** A native histogram of Prometheus with a standard (exponential) schema: integer counts, and a counter. */
export interface NativeHistogram {
  /** Buckets for each power of two, as a power of two itself. */
  readonly schema: number
  /** Values up to this far from zero, on both sides, are in {@link zeroCount}. */
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly count: number
  readonly sum: number
  readonly positive: NativeBuckets
  readonly negative: NativeBuckets
}

/** Buckets by index: number i is of values in (base^(i-1), base^i], where base is 2^(2^-schema). */
export interface NativeBuckets {
  /** Runs of buckets. The first begins at its offset, the others so many buckets after the end of the one before. */
  readonly spans: readonly { readonly offset: number; readonly length: number }[]
  /** The count of each bucket of the runs, less that of the one before it; of the first, its count. */
  readonly deltas: readonly number[]
}

/**
 * A point as Prometheus has it (OTel spec, compatibility, "Exponential Histograms"). Scales that are finer than Prometheus
 * knows are made coarser. `undefined` for what must be dropped: a scale below -4, and a point that has no sum; and for one
 * whose buckets do not add up, for which Prometheus refuses the whole scrape.
 */
export function nativeHistogramOf(value: ExponentialHistogram): NativeHistogram | undefined {
  const { scale, sum, count, zeroCount, positive, negative } = value
  if (scale < LOWEST_SCHEMA || sum === undefined || !addsUp(value, sum)) return undefined
  const schema = Math.min(scale, HIGHEST_SCHEMA)
  const merged = 2 ** (scale - schema)
  return {
    schema,
    zeroThreshold: DEFAULT_ZERO_THRESHOLD,
    zeroCount,
    count,
    sum,
    positive: inSpans(nativeCountsOf(positive, merged)),
    negative: inSpans(nativeCountsOf(negative, merged)),
  }
}

/** As Prometheus checks it: what is not a number is in the count, but in no bucket. Counts have 64 bits, and a sign. */
function addsUp({ count, zeroCount, positive, negative }: ExponentialHistogram, sum: number): boolean {
  let counted = zeroCount
  for (const each of positive.bucketCounts) {
    if (each < 0) return false
    counted += each
  }
  for (const each of negative.bucketCounts) {
    if (each < 0) return false
    counted += each
  }
  return zeroCount >= 0 && count < 2 ** 63 && (Number.isNaN(sum) ? counted <= count : counted === count)
}

/**
 * The counts that are not 0 by the index of Prometheus, ascending. OpenTelemetry counts buckets by their lower bound.
 *
 * @param merged how many buckets of the point become one
 */
function nativeCountsOf({ offset, bucketCounts }: ExponentialHistogram['positive'], merged: number) {
  const counts = new Map<number, number>()
  bucketCounts.forEach((count, i) => {
    const index = Math.floor((offset + i) / merged) + 1
    if (count > 0) counts.set(index, (counts.get(index) ?? 0) + count)
  })
  return counts
}

function inSpans(counts: ReadonlyMap<number, number>): NativeBuckets {
  const spans: { offset: number; length: number }[] = []
  const deltas: number[] = []
  let end = 0
  let before = 0
  const append = (count: number) => {
    deltas.push(count - before)
    before = count
  }
  for (const [index, count] of counts) {
    const gap = index - end
    const last = spans.at(-1)
    if (last === undefined || gap > MOST_EMPTY_IN_A_SPAN) {
      spans.push({ offset: gap, length: 1 })
    } else {
      for (let i = 0; i < gap; i++) append(0)
      last.length += gap + 1
    }
    append(count)
    end = index + 1
  }
  return { spans, deltas }
}
