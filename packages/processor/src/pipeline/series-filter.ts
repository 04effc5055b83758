import type { Slices, TimeSlice } from '../core/time-slice.ts'
import type { Generation } from '../series/generation.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'
import type { FilteredMetric, GuardedFilter, Verdict } from './guarded-filter.ts'

/**
 * Applies the filter to what the fast instruments recorded, which nobody collects: a frozen generation is the first place
 * where it is all there. Streams that are only collected have been through the filter already.
 */
export class SeriesFilter {
  readonly #filter: GuardedFilter
  readonly #slice: TimeSlice
  readonly #streams = new WeakMap<Stream, Verdict>()
  readonly #series = new WeakMap<Series, boolean>()
  #filtered = 0

  constructor(filter: GuardedFilter, slice: TimeSlice) {
    this.#filter = filter
    this.#slice = slice
  }

  /** How many points were dropped: one for each dropped series and generation. */
  get filtered(): number {
    return this.#filtered
  }

  /** The series of a frozen generation that are to be drained. */
  *passing(frozen: Generation): Slices<readonly Series[]> {
    if (this.#filter.acceptsAll) return frozen.touched
    const passing: Series[] = []
    yield* this.#slice.eachOf(frozen.touched, (series) => {
      if (this.#passes(series)) passing.push(series)
    })
    this.#filtered += frozen.touched.length - passing.length
    return passing
  }

  #passes(series: Series): boolean {
    const { stream } = series
    if (!stream.isBuffered) return true
    const verdict = this.#verdictOn(stream)
    if (verdict !== 'acceptPartial') return verdict === 'accept'
    let passes = this.#series.get(series)
    if (passes === undefined) {
      passes = this.#filter.accepts(metricOf(stream), series.attributes)
      this.#series.set(series, passes)
    }
    return passes
  }

  #verdictOn(stream: Stream): Verdict {
    let verdict = this.#streams.get(stream)
    if (verdict === undefined) {
      verdict = this.#filter.ofMetric(metricOf(stream))
      this.#streams.set(stream, verdict)
    }
    return verdict
  }
}

function metricOf({ scope, descriptor, aggregation }: Stream): FilteredMetric {
  return { scope, name: descriptor.name, kind: aggregation.type, unit: descriptor.unit }
}
