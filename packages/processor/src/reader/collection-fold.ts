import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { finishAtOnce, type Slices, type TimeSlice } from '../core/time-slice.ts'
import type { MetricFilter } from '../pipeline/metric-filter.ts'
import type { CardinalityLimits } from '../series/cardinality.ts'
import type { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { InstrumentationScope } from '../series/stream.ts'
import type { StreamRegistry } from '../series/stream-registry.ts'
import { CumulativeToDelta } from './cumulative-to-delta.ts'
import type { ReaderSettings } from './reader-options.ts'

/** What a fold takes of a reader's settings. */
type FoldSettings = Pick<ReaderSettings, 'buffer' | 'cardinalityLimits' | 'metricFilter'>

/** Folds what one source has collected into the hot generation, in time slices. */
export class CollectionFold {
  readonly #streams: StreamRegistry
  readonly #generations: Generations
  readonly #limits: CardinalityLimits
  readonly #filter: MetricFilter | undefined
  readonly #slice: TimeSlice
  readonly #deltas = new CumulativeToDelta()
  /** The latest fold; one source has one at a time. */
  #underWay: Slices | undefined
  #filtered = 0
  #malformed = 0

  constructor({ buffer, cardinalityLimits, metricFilter }: FoldSettings, slice: TimeSlice) {
    this.#streams = buffer.streams
    this.#generations = buffer.generations
    this.#limits = cardinalityLimits
    this.#filter = metricFilter
    this.#slice = slice
  }

  /** How many points the filter dropped. */
  get filtered(): number {
    return this.#filtered
  }

  /** How many metrics could not be read. */
  get malformed(): number {
    return this.#malformed
  }

  async fold(metrics: ResourceMetrics): Promise<void> {
    this.#underWay = this.#fold(metrics)
    await this.#slice.run(this.#underWay)
  }

  /** Does what is left of a fold under way, without giving way: for the end of a process. */
  finishAtOnce(): void {
    if (this.#underWay !== undefined) finishAtOnce(this.#underWay)
  }

  *#fold({ scopeMetrics }: ResourceMetrics): Slices {
    this.#slice.begin()
    yield* this.#deltas.begin(this.#generations, this.#slice)
    for (const { scope, metrics } of scopeMetrics) {
      for (const metric of metrics) {
        try {
          yield* this.#foldMetric(scope, metric)
        } catch (error) {
          // One malformed metric must not cost the others.
          this.#malformed++
          report('error', `sluice: the metric ${metric?.descriptor?.name} could not be read and is dropped`, error)
        }
      }
    }
    this.#slice.end()
  }

  *#foldMetric(scope: InstrumentationScope, metric: MetricData): Slices {
    if (metric.dataPoints.length === 0) return
    const { name, unit } = metric.descriptor
    const verdict = this.#filter?.testMetric(scope, name, metric.dataPointType, unit) ?? 'accept'
    if (verdict === 'drop') {
      this.#filtered += metric.dataPoints.length
      return
    }
    const stream = this.#streams.streamOf(scope, metric, this.#limits)
    // A gauge is its latest value in either temporality.
    const isCumulative =
      metric.aggregationTemporality === AggregationTemporality.CUMULATIVE &&
      metric.dataPointType !== DataPointType.GAUGE
    for (const point of metric.dataPoints) {
      if (
        verdict === 'acceptPartial' &&
        this.#filter?.testAttributes(scope, name, metric.dataPointType, unit, point.attributes) === 'drop'
      ) {
        this.#filtered++
      } else {
        // Which generation is hot is asked for at each point: the loop yields, and a late collection may straddle a freeze.
        const value = isCumulative ? this.#deltas.next(stream, point) : point.value
        if (value !== undefined) this.#generations.hot.add(stream, point.attributes, value)
      }
      if (this.#slice.spent()) yield
    }
  }
}
