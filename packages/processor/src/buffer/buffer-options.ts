import type { ViewOptions } from '@opentelemetry/sdk-metrics'
import { describe } from '../core/describe.ts'
import type { AttributeLimits } from '../series/attribute-check.ts'
import { type CardinalityLimits, checkLimits } from '../series/cardinality.ts'
import { report } from '../series/report.ts'
import type { ExemplarFilter } from './exemplar-sampler.ts'
import { Views } from './views.ts'

/** Options of a {@link MetricsBuffer}. */
export interface MetricsBufferOptions {
  /** Which streams instruments record into, as with the SDK's `MeterProvider`. Default: none. */
  readonly views?: ViewOptions[]
  /** As the reader's, for what is recorded here. Default: the reader's, or 2000 each. */
  readonly cardinalityLimits?: CardinalityLimits
  /** Bounds for attribute sets and values. Default: those of any set, which docs/instruments.md lists. */
  readonly attributeLimits?: AttributeLimits
  /**
   * Which measurements may become exemplars: `always_off`, `trace_based` (those made while a sampled span is active), or
   * `always_on`. Default: `OTEL_METRICS_EXEMPLAR_FILTER`, else `always_off`.
   */
  readonly exemplarFilter?: ExemplarFilter
}

/** The options with their defaults filled in. */
export interface BufferSettings {
  readonly views: Views
  readonly cardinalityLimits: CardinalityLimits | undefined
  readonly attributeLimits: AttributeLimits
  readonly exemplarFilter: ExemplarFilter
}

const FILTERS: readonly string[] = ['always_off', 'trace_based', 'always_on'] satisfies ExemplarFilter[]

/** @throws TypeError or RangeError that names the option and the value */
export function resolveBufferOptions(options: MetricsBufferOptions): BufferSettings {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`MetricsBuffer: options must be an object, got ${describe(options)}`)
  }
  const { views, cardinalityLimits, attributeLimits, exemplarFilter } = options
  if (exemplarFilter !== undefined && !FILTERS.includes(exemplarFilter)) {
    throw new RangeError(
      `MetricsBuffer: exemplarFilter must be one of ${FILTERS.join(', ')}, got ${describe(exemplarFilter)}`,
    )
  }
  return {
    views: new Views(views ?? []),
    cardinalityLimits: cardinalityLimits === undefined ? undefined : checkLimits('MetricsBuffer', cardinalityLimits),
    attributeLimits: checkAttributeLimits(attributeLimits),
    exemplarFilter: exemplarFilter ?? filterFromEnvironment() ?? 'always_off',
  }
}

function checkAttributeLimits(limits: AttributeLimits = {}): AttributeLimits {
  if (typeof limits !== 'object' || limits === null) {
    throw new TypeError(`MetricsBuffer: attributeLimits must be an object, got ${describe(limits)}`)
  }
  const copy = { ...limits }
  for (const [option, limit] of Object.entries(copy)) {
    if (limit !== undefined && (!Number.isInteger(limit) || limit < 0)) {
      throw new RangeError(
        `MetricsBuffer: attributeLimits.${option} must be a whole number of at least 0, got ${describe(limit)}`,
      )
    }
  }
  return copy
}

function filterFromEnvironment(): ExemplarFilter | undefined {
  const text = process.env.OTEL_METRICS_EXEMPLAR_FILTER?.trim().toLowerCase()
  if (text === undefined || text === '') return undefined
  if (FILTERS.includes(text)) return text as ExemplarFilter
  report('warn', `sluice: OTEL_METRICS_EXEMPLAR_FILTER must be one of ${FILTERS.join(', ')}, got '${text}'; it is off`)
  return undefined
}
