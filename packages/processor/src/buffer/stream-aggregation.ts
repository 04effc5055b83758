import { type AggregationOption, AggregationType, InstrumentType } from '@opentelemetry/sdk-metrics'
import { MOST_BOUNDARIES } from '../aggregation/bucket-search.ts'
import { describe } from '../core/describe.ts'

/** How one stream aggregates. Boundaries are finite and strictly increasing; `maxSize` is in buckets per sign. */
export type ResolvedAggregation =
  | { readonly type: 'drop' }
  | { readonly type: 'sum'; readonly isMonotonic: boolean }
  | { readonly type: 'last-value' }
  | { readonly type: 'explicit'; readonly boundaries: readonly number[]; readonly recordMinMax: boolean }
  | { readonly type: 'exponential'; readonly maxSize: number; readonly recordMinMax: boolean }

/** What an {@link AggregationOption} asks for, checked and copied, before it is known of which instrument. */
export type RequestedAggregation =
  | { readonly type: 'default' }
  | { readonly type: 'sum' }
  | Exclude<ResolvedAggregation, { readonly type: 'sum' }>

/** OTel spec, metrics SDK, "Explicit Bucket Histogram Aggregation", and the SDK's default. */
const DEFAULT_BOUNDARIES: readonly number[] = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

/** Buckets per sign (OTel spec, metrics SDK, "MaxSize"). */
const DEFAULT_MAX_SIZE = 160
const LEAST_MAX_SIZE = 2

/**
 * Checks an aggregation that a view or a selector gives.
 *
 * @param where what names the option in errors
 * @throws TypeError or RangeError that names the option and the value
 */
export function requestAggregation(option: AggregationOption, where: string): RequestedAggregation {
  if (typeof option !== 'object' || option === null) {
    throw new TypeError(`${where} must be an object with a type, got ${describe(option)}`)
  }
  switch (option.type) {
    case AggregationType.DEFAULT:
      return { type: 'default' }
    case AggregationType.DROP:
      return { type: 'drop' }
    case AggregationType.SUM:
      return { type: 'sum' }
    case AggregationType.LAST_VALUE:
      return { type: 'last-value' }
    case AggregationType.EXPLICIT_BUCKET_HISTOGRAM: {
      const given = option.options ?? undefined
      return {
        type: 'explicit',
        boundaries:
          given === undefined ? DEFAULT_BOUNDARIES : checkBoundaries(given.boundaries, `${where}.options.boundaries`),
        recordMinMax: checkFlag(given?.recordMinMax, `${where}.options.recordMinMax`),
      }
    }
    case AggregationType.EXPONENTIAL_HISTOGRAM:
      return {
        type: 'exponential',
        maxSize: checkMaxSize(option.options?.maxSize, `${where}.options.maxSize`),
        recordMinMax: checkFlag(option.options?.recordMinMax, `${where}.options.recordMinMax`),
      }
    default:
      throw new RangeError(
        `${where}.type must be one of AggregationType, got ${describe((option as AggregationOption).type)}`,
      )
  }
}

/** What it comes to for an instrument of this kind. `advised` are its own boundaries, for where nobody gives others. */
export function resolveAggregation(
  requested: RequestedAggregation,
  kind: InstrumentType,
  advised: readonly number[] | undefined,
): ResolvedAggregation {
  switch (requested.type) {
    case 'default':
      return defaultAggregation(kind, advised)
    case 'sum':
      return { type: 'sum', isMonotonic: isMonotonic(kind) }
    default:
      return requested
  }
}

/**
 * A copy of explicit bucket boundaries. Infinities at the ends are left out, as the SDK does: the outer buckets end there
 * anyway.
 *
 * @throws TypeError or RangeError that names the option and the value
 */
export function checkBoundaries(boundaries: readonly number[], where: string): readonly number[] {
  if (!Array.isArray(boundaries))
    throw new TypeError(`${where} must be an array of numbers, got ${describe(boundaries)}`)
  if (boundaries.length > MOST_BOUNDARIES) {
    throw new RangeError(`${where} must be at most ${MOST_BOUNDARIES} numbers, got ${boundaries.length}`)
  }
  for (let i = 0; i < boundaries.length; i++) {
    const isNumber = typeof boundaries[i] === 'number' && !Number.isNaN(boundaries[i])
    if (!isNumber || (i > 0 && boundaries[i - 1]! >= boundaries[i]!)) {
      throw new RangeError(`${where} must be strictly increasing numbers, got ${describe(boundaries)}`)
    }
  }
  return boundaries.filter(Number.isFinite)
}

/** OTel spec, metrics SDK, "Default Aggregation". */
function defaultAggregation(kind: InstrumentType, advised: readonly number[] | undefined): ResolvedAggregation {
  switch (kind) {
    case InstrumentType.HISTOGRAM:
      return { type: 'explicit', boundaries: advised ?? DEFAULT_BOUNDARIES, recordMinMax: true }
    case InstrumentType.GAUGE:
    case InstrumentType.OBSERVABLE_GAUGE:
      return { type: 'last-value' }
    default:
      return { type: 'sum', isMonotonic: isMonotonic(kind) }
  }
}

function isMonotonic(kind: InstrumentType): boolean {
  return (
    kind === InstrumentType.COUNTER || kind === InstrumentType.OBSERVABLE_COUNTER || kind === InstrumentType.HISTOGRAM
  )
}

function checkFlag(flag: boolean | undefined, where: string): boolean {
  if (flag === undefined) return true
  if (typeof flag !== 'boolean') throw new TypeError(`${where} must be true or false, got ${describe(flag)}`)
  return flag
}

function checkMaxSize(maxSize: number | undefined, where: string): number {
  if (maxSize === undefined) return DEFAULT_MAX_SIZE
  if (!Number.isInteger(maxSize) || maxSize < LEAST_MAX_SIZE) {
    throw new RangeError(`${where} must be a whole number of at least ${LEAST_MAX_SIZE}, got ${describe(maxSize)}`)
  }
  return maxSize
}
