import type { Slices, TimeSlice } from '../core/time-slice.ts'
import type { Generation } from '../series/generation.ts'
import { report } from '../series/report.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'
import type { MetricFilter } from './metric-filter.ts'

type Verdict = ReturnType<MetricFilter['testMetric']>

/**
 * Applies a `MetricFilter` to what the fast instruments recorded, which nobody collects: a frozen generation is the first
 * place where it is all there. Streams that are only collected have been through the filter already.
 */
export class SeriesFilter {
  readonly #filter: MetricFilter | undefined
  readonly #slice: TimeSlice
  readonly #streams = new WeakMap<Stream, Verdict>()
  readonly #series = new WeakMap<Series, boolean>()
  #filtered = 0
  #hasThrown = false

  constructor(filter: MetricFilter | undefined, slice: TimeSlice) {
    this.#filter = filter
    this.#slice = slice
  }

  /** How many points were dropped: one for each dropped series and generation. */
  get filtered(): number {
    return this.#filtered
  }

  /** The series of a frozen generation that are to be drained. */
  *passing(frozen: Generation): Slices<readonly Series[]> {
    const filter = this.#filter
    if (filter === undefined) return frozen.touched
    const passing: Series[] = []
    yield* this.#slice.eachOf(frozen.touched, (series) => {
      if (this.#passes(series, filter)) passing.push(series)
    })
    this.#filtered += frozen.touched.length - passing.length
    return passing
  }

  #passes(series: Series, filter: MetricFilter): boolean {
    if (!series.stream.isBuffered) return true
    const verdict = this.#verdictOn(series.stream, filter)
    if (verdict !== 'acceptPartial') return verdict === 'accept'
    let passes = this.#series.get(series)
    if (passes === undefined) {
      const { scope, descriptor, aggregation } = series.stream
      const { name, unit } = descriptor
      passes =
        this.#guarded(() => filter.testAttributes(scope, name, aggregation.type, unit, series.attributes)) === 'accept'
      this.#series.set(series, passes)
    }
    return passes
  }

  #verdictOn(stream: Stream, filter: MetricFilter): Verdict {
    let verdict = this.#streams.get(stream)
    if (verdict === undefined) {
      const { scope, descriptor, aggregation } = stream
      verdict = this.#guarded(() => filter.testMetric(scope, descriptor.name, aggregation.type, descriptor.unit))
      this.#streams.set(stream, verdict)
    }
    return verdict
  }

  /** One that throws has said nothing against it: what was recorded is not lost. */
  #guarded<T extends Verdict>(test: () => T): T | 'accept' {
    try {
      return test()
    } catch (error) {
      if (!this.#hasThrown) report('error', 'sluice: metricFilter threw; what it was asked about is exported', error)
      this.#hasThrown = true
      return 'accept'
    }
  }
}
