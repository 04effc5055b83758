import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { PointValue } from '../aggregation/cells.ts'
import { finishAtOnce, type Slices, type TimeSlice } from '../core/time-slice.ts'
import type { FilteredMetric, GuardedFilter } from '../pipeline/guarded-filter.ts'
import type { CardinalityLimits } from '../series/cardinality.ts'
import type { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { InstrumentationScope, Stream } from '../series/stream.ts'
import type { StreamRegistry } from '../series/stream-registry.ts'
import { CumulativeToDelta } from './cumulative-to-delta.ts'
import type { ReaderSettings } from './reader-options.ts'

/** What a fold takes of a reader's settings. */
type FoldSettings = Pick<ReaderSettings, 'buffer' | 'cardinalityLimits' | 'metricFilter'>

/** A metric whose points are being folded. */
interface OpenMetric extends FilteredMetric {
  readonly stream: Stream
  readonly points: readonly DataPoint<PointValue>[]
  /** Whether the filter is asked about each of them. */
  readonly isPartial: boolean
  readonly isCumulative: boolean
  /** How many points could not be read, and why the first of them. */
  unread: number
  firstError: unknown
}

/** Reports remember as many metrics as had something that could not be read. */
const MOST_REPORTED = 100

/**
 * Folds what one source has collected into the hot generation, in time slices.
 *
 * What a source gives are objects of the application, attributes with getters among them: what cannot be read of a point costs
 * that point, and what cannot be read of a metric costs the metric.
 */
export class CollectionFold {
  readonly #streams: StreamRegistry
  readonly #generations: Generations
  readonly #limits: CardinalityLimits
  readonly #filter: GuardedFilter
  readonly #slice: TimeSlice
  readonly #deltas = new CumulativeToDelta()
  readonly #reported = new Set<string>()
  /** The latest fold; one source has one at a time. */
  #underWay: Slices | undefined
  /** Set while the source's objects are read: for good, where the application ends the process from within a getter. */
  #isReading = false
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

  /** How many metrics, and points of others, could not be read. */
  get malformed(): number {
    return this.#malformed
  }

  /** Takes over what the source has handed out, to be followed by {@link fold}. From here on {@link finishAtOnce} knows it. */
  take(metrics: ResourceMetrics): void {
    this.#underWay = this.#fold(metrics)
  }

  /** Folds what was taken over. */
  async fold(): Promise<void> {
    if (this.#underWay !== undefined) await this.#slice.run(this.#underWay)
  }

  /** Does what is left of a fold under way, without giving way: for the end of a process. */
  finishAtOnce(): void {
    if (this.#underWay !== undefined) finishAtOnce(this.#underWay)
  }

  *#fold(collected: ResourceMetrics): Slices {
    const scopes = yield* this.#slice.once(() => this.#read('what was collected', () => [...collected.scopeMetrics]))
    yield* this.#deltas.begin(this.#generations, this.#slice)
    for (const each of scopes ?? []) {
      const read = yield* this.#slice.once(() =>
        this.#read('a scope', () => ({ scope: each.scope, metrics: [...each.metrics] })),
      )
      for (const metric of read?.metrics ?? []) yield* this.#foldMetric(read!.scope, metric)
    }
  }

  *#foldMetric(scope: InstrumentationScope, metric: MetricData): Slices {
    const open = yield* this.#slice.once(() => this.#open(scope, metric))
    if (open === undefined) return
    yield* this.#slice.rangeOf(open.points.length, (i) => this.#foldPoint(open, i))
    const { unread, firstError, name } = open
    if (unread > 0) this.#reportOnce(name, `${unread} points of ${name} could not be read and are dropped`, firstError)
  }

  /** What there is to know of a metric before its points; undefined where those are not to be folded. */
  #open(scope: InstrumentationScope, metric: MetricData): OpenMetric | undefined {
    const head = this.#read('a metric', () => {
      const { descriptor, dataPoints, dataPointType, aggregationTemporality } = metric
      // A gauge is its latest value in either temporality.
      const isCumulative =
        aggregationTemporality === AggregationTemporality.CUMULATIVE && dataPointType !== DataPointType.GAUGE
      const points: readonly DataPoint<PointValue>[] = [...dataPoints]
      return { scope, name: descriptor.name, kind: dataPointType, unit: descriptor.unit, points, isCumulative }
    })
    if (head === undefined || head.points.length === 0) return undefined
    const verdict = this.#filter.ofMetric(head)
    if (verdict === 'drop') {
      this.#filtered += head.points.length
      return undefined
    }
    const stream = this.#read(`the metric ${head.name}`, () => this.#streams.streamOf(scope, metric, this.#limits))
    return stream && { ...head, stream, isPartial: verdict === 'acceptPartial', unread: 0, firstError: undefined }
  }

  /** Adds a point; one at which the application ended the process comes again, see {@link finishAtOnce}. */
  #foldPoint(open: OpenMetric, index: number): void {
    if (this.#isReading) {
      this.#leaveOut(open)
      return
    }
    try {
      this.#isReading = true
      const point = open.points[index]!
      const { attributes, value } = point
      this.#isReading = false
      if (open.isPartial && !this.#filter.accepts(open, attributes)) {
        this.#filtered++
        return
      }
      this.#isReading = true
      // Which generation is hot is asked for at each point: the loop yields, and a late collection may straddle a freeze.
      const added = open.isCumulative ? this.#deltas.next(open.stream, point) : value
      if (added !== undefined) this.#generations.hot.add(open.stream, attributes, added)
    } catch (error) {
      this.#leaveOut(open, error)
    }
    this.#isReading = false
  }

  #leaveOut(open: OpenMetric, error?: unknown): void {
    this.#malformed++
    if (open.unread++ === 0) open.firstError = error
  }

  /** Reads what may throw. Undefined where it does, and where the application ended the process from within such a reading. */
  #read<T>(what: string, read: () => T): T | undefined {
    let error: unknown
    if (!this.#isReading) {
      this.#isReading = true
      try {
        return read()
      } catch (thrown) {
        error = thrown
      } finally {
        this.#isReading = false
      }
    }
    this.#malformed++
    this.#reportOnce(what, `${what} could not be read and is dropped`, error)
    return undefined
  }

  #reportOnce(subject: string, message: string, error: unknown): void {
    if (this.#reported.has(subject) || this.#reported.size >= MOST_REPORTED) return
    this.#reported.add(subject)
    report('error', `sluice: ${message}`, ...(error === undefined ? ['as the process ends while it is read'] : [error]))
  }
}
