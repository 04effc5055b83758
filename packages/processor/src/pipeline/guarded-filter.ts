import type { Attributes } from '@opentelemetry/api'
import type { DataPointType } from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope } from '../series/stream.ts'
import { UserCode } from '../series/user-code.ts'
import type { MetricFilter } from './metric-filter.ts'

/** What a filter may say of a metric. */
export type Verdict = ReturnType<MetricFilter['testMetric']>

/** A metric as a filter is told of it. */
export interface FilteredMetric {
  readonly scope: InstrumentationScope
  readonly name: string
  readonly kind: DataPointType
  readonly unit: string
}

/**
 * The filter of a reader, for what it collects and for what its buffer records alike. Where it throws, or says anything else
 * than it may, it has said nothing against what it was asked about, which is exported.
 */
export class GuardedFilter {
  readonly #filter: MetricFilter | undefined
  readonly #code = new UserCode('metricFilter', '; what it was asked about is exported')

  /** @param filter default: one that accepts everything */
  constructor(filter: MetricFilter | undefined) {
    this.#filter = filter
  }

  /** Whether there is nothing to ask. */
  get acceptsAll(): boolean {
    return this.#filter === undefined
  }

  ofMetric({ scope, name, kind, unit }: FilteredMetric): Verdict {
    const filter = this.#filter
    if (filter === undefined) return 'accept'
    return this.#code.ask(() => filter.testMetric(scope, name, kind, unit), readVerdict, 'accept')
  }

  /** Only for metrics that are accepted partially. */
  accepts({ scope, name, kind, unit }: FilteredMetric, attributes: Attributes): boolean {
    const filter = this.#filter
    if (filter === undefined) return true
    return this.#code.ask(() => filter.testAttributes(scope, name, kind, unit, attributes), readAcceptance, true)
  }
}

function readVerdict(given: unknown): Verdict | undefined {
  return given === 'acceptPartial' || given === 'accept' || given === 'drop' ? given : undefined
}

function readAcceptance(given: unknown): boolean | undefined {
  return given === 'accept' ? true : given === 'drop' ? false : undefined
}
