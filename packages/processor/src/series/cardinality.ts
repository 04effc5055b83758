import type { Attributes } from '@opentelemetry/api'
import { InstrumentType } from '@opentelemetry/sdk-metrics'
import { describe } from '../core/describe.ts'

/** Attributes of the series that takes what is beyond the limit (OTel spec, metrics SDK, "Overflow attribute"). */
export const OVERFLOW_ATTRIBUTES: Attributes = Object.freeze({ 'otel.metric.overflow': true })

/** Whether this is the overflow series, of ours or of the SDK. */
export function isOverflow(attributes: Attributes): boolean {
  return attributes['otel.metric.overflow'] === true && Object.keys(attributes).length === 1
}

/** Most attribute sets of one stream, by instrument kind (OTel spec, metrics SDK, "Cardinality limits"). */
export interface CardinalityLimits {
  /** For every kind that has none of its own. Default 2000. */
  readonly default?: number
  readonly counter?: number
  readonly upDownCounter?: number
  readonly gauge?: number
  readonly histogram?: number
  readonly observableCounter?: number
  readonly observableUpDownCounter?: number
  readonly observableGauge?: number
}

const OPTION_OF: Record<InstrumentType, keyof CardinalityLimits> = {
  [InstrumentType.COUNTER]: 'counter',
  [InstrumentType.UP_DOWN_COUNTER]: 'upDownCounter',
  [InstrumentType.GAUGE]: 'gauge',
  [InstrumentType.HISTOGRAM]: 'histogram',
  [InstrumentType.OBSERVABLE_COUNTER]: 'observableCounter',
  [InstrumentType.OBSERVABLE_UP_DOWN_COUNTER]: 'observableUpDownCounter',
  [InstrumentType.OBSERVABLE_GAUGE]: 'observableGauge',
}

/** The limit of a stream of this kind, as configured. */
export function limitOf(limits: CardinalityLimits, kind: InstrumentType): number {
  return limits[OPTION_OF[kind]] ?? limits.default ?? 2000
}

/**
 * A copy of the limits.
 *
 * @param owner whose option it is, for the error
 * @throws TypeError or RangeError that names the limit and the value
 */
export function checkLimits(owner: string, limits: CardinalityLimits = {}): CardinalityLimits {
  if (typeof limits !== 'object' || limits === null) {
    throw new TypeError(`${owner}: cardinalityLimits must be an object, got ${describe(limits)}`)
  }
  // Read once: a getter may give another value the next time.
  const copy = { ...limits }
  for (const [kind, limit] of Object.entries(copy)) {
    if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) {
      throw new RangeError(
        `${owner}: cardinalityLimits.${kind} must be a whole number of at least 1, got ${describe(limit)}`,
      )
    }
  }
  return copy
}
