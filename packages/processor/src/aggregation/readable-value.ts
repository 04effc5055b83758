import { DataPointType, type ExponentialHistogram, type Histogram } from '@opentelemetry/sdk-metrics'
import { MOST_BOUNDARIES } from './bucket-search.ts'
import type { PointValue } from './cells.ts'

/** Scales of the OTel specification (metrics SDK, "MaxScale"), and those that all finite numbers fit at. */
const LOWEST_SCALE = -11
const HIGHEST_SCALE = 20
/** Powers of two beyond which no number lies, on either side of 1, and room to round. */
const FARTHEST_POWER = 1100

/** Says what a point is not, always in the same words. */
export class Unreadable extends TypeError {}

/**
 * The value of a point that comes from a source which promises nothing, as cells take it: a copy in which all is what the OTel
 * data model says. Each field is read once, so that a getter cannot give another one afterwards.
 *
 * @throws Unreadable; whatever its getters throw
 */
export function readableValue(type: DataPointType, value: unknown): PointValue {
  switch (type) {
    case DataPointType.SUM:
      return number(value, 'the value of a sum')
    case DataPointType.GAUGE:
      // The one value that may be missing and yet be there.
      return Number.isNaN(value) ? Number.NaN : number(value, 'the value of a gauge')
    case DataPointType.HISTOGRAM:
      return readableHistogram(value as Partial<Histogram>)
    default:
      return readableExponential(value as Partial<ExponentialHistogram>)
  }
}

function readableHistogram({ buckets, count, sum, min, max }: Partial<Histogram>): Histogram {
  const { boundaries, counts } = buckets as Partial<Histogram['buckets']>
  const bounds = list(boundaries, 'the boundaries of a histogram', bound)
  const inBuckets = list(counts, 'the counts of a histogram', wholeNumber)
  if (inBuckets.length > 0 && inBuckets.length !== bounds.length + 1) {
    throw new Unreadable('a histogram must have one count more than boundaries')
  }
  const histogram: Histogram = {
    buckets: { boundaries: bounds, counts: inBuckets },
    count: wholeNumber(count, 'the count of a histogram'),
  }
  setExtremes(histogram, sum, min, max)
  return histogram
}

function readableExponential(given: Partial<ExponentialHistogram>): ExponentialHistogram {
  const { scale, count, zeroCount, positive, negative, sum, min, max } = given
  const known = wholeNumber(scale, 'the scale of a histogram')
  if (known < LOWEST_SCALE || known > HIGHEST_SCALE) {
    throw new Unreadable(`the scale of a histogram must be from ${LOWEST_SCALE} to ${HIGHEST_SCALE}`)
  }
  const histogram: ExponentialHistogram = {
    scale: known,
    count: wholeNumber(count, 'the count of a histogram'),
    zeroCount: wholeNumber(zeroCount, 'the zero count of a histogram'),
    positive: readableBuckets(positive, known),
    negative: readableBuckets(negative, known),
  }
  setExtremes(histogram, sum, min, max)
  return histogram
}

/** INVARIANT: whatever becomes one with it, the indices have 32 bits, and so have the shifts between two scales 5. */
function readableBuckets(given: Partial<ExponentialHistogram['positive']> | undefined, scale: number) {
  const { offset, bucketCounts } = given!
  const first = wholeNumber(offset, 'the offset of buckets')
  const counts = list(bucketCounts, 'the counts of a histogram', wholeNumber)
  const farthest = FARTHEST_POWER * 2 ** scale + 2
  if (first < -farthest || first + counts.length > farthest) throw new Unreadable('buckets must be of finite numbers')
  return { offset: first, bucketCounts: counts }
}

/** A sum is there or not, and with it all sums to come; min and max are worth no point. */
function setExtremes(into: Histogram | ExponentialHistogram, sum: unknown, min: unknown, max: unknown): void {
  if (sum != null) into.sum = number(sum, 'the sum of a histogram')
  if (typeof min === 'number' && !Number.isNaN(min)) into.min = min
  if (typeof max === 'number' && !Number.isNaN(max)) into.max = max
}

function number(value: unknown, what: string): number {
  const known = typeof value === 'bigint' ? Number(value) : value
  if (typeof known === 'number' && !Number.isNaN(known)) return known
  throw new Unreadable(`${what} must be a number`)
}

function wholeNumber(value: unknown, what: string): number {
  if (Number.isSafeInteger(value)) return value as number
  const known = number(value, what)
  if (Number.isSafeInteger(known)) return known
  throw new Unreadable(`${what} must be whole numbers below 2^53`)
}

function bound(value: unknown, what: string): number {
  // The SDK takes NaN among boundaries, too.
  return typeof value === 'number' ? value : number(value, what)
}

/** A copy by index: holes are no numbers, and an iterator need not end. */
function list(values: unknown, what: string, item: (value: unknown, what: string) => number): number[] {
  const length: unknown = Array.isArray(values) ? values.length : undefined
  if (typeof length !== 'number' || !(length <= MOST_BOUNDARIES + 1)) {
    throw new Unreadable(`${what} must be an array of at most ${MOST_BOUNDARIES + 1}`)
  }
  const copy: number[] = []
  for (let i = 0; i < length; i++) copy.push(item((values as unknown[])[i], what))
  return copy
}
