import type { Attributes } from '@opentelemetry/api'
import type { AttributeCheck } from '../series/attribute-check.ts'
import type { AttributeIndex } from '../series/attribute-index.ts'
import type { Generations } from '../series/generations.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'

/** What a lookup goes with: where to look, and what to let in. */
export interface LookupTarget {
  readonly generations: Generations
  readonly stream: Stream
  readonly check: AttributeCheck
}

/** Lets go of the series of bound instruments that nobody can reach any more. */
const unreachable = new FinalizationRegistry<{ readonly generations: Generations; readonly series: Series }>(
  ({ generations, series }) => generations.hot.release(series),
)

/**
 * Finds the series that a measurement goes into, touched in the hot generation.
 *
 * INVARIANT: what it gives is good until the next `await`: a freeze makes another generation hot.
 */
export class SeriesLookup {
  readonly target: LookupTarget
  readonly #generations: Generations
  readonly #index: AttributeIndex
  #plain: Series | undefined

  /**
   * @param bound the attributes, safe ones, of measurements that are said to have none: resolved here and now, counted
   * against the limit, and held until this lookup is garbage (OTel spec, metrics SDK, "Instrument bind"). Default: none
   */
  constructor(target: LookupTarget, bound?: Attributes) {
    this.target = target
    this.#generations = target.generations
    this.#index = target.stream.index
    if (bound === undefined) return
    const { generations, stream } = target
    this.#plain = generations.hot.reserve(stream, bound)
    unreachable.register(this, { generations, series: this.#plain })
  }

  /** The series of measurements without attributes of their own, if there is one already. Need not be touched. */
  get plain(): Series | undefined {
    return this.#plain
  }

  find(attributes: Attributes | undefined): Series {
    const series = attributes === undefined ? this.#plain : this.#known(attributes)
    if (series?.lastGeneration === this.#generations.hotNumber) return series
    return this.#touch(series, attributes)
  }

  bind(attributes: Attributes): SeriesLookup {
    return new SeriesLookup(this.target, attributes)
  }

  #known(attributes: Attributes): Series | undefined {
    // Plain JavaScript may give text, whose characters are no attributes.
    if (typeof attributes !== 'object' || attributes === null) return undefined
    try {
      return this.#index.find(attributes)
    } catch {
      // A getter that throws, a proxy: whatever it is, it is mended on the way in.
      return undefined
    }
  }

  #touch(series: Series | undefined, attributes: Attributes | undefined): Series {
    const { generations, stream, check } = this.target
    const { hot } = generations
    if (series !== undefined && !series.isForgotten) return hot.touch(series)
    const found = hot.seriesFor(stream, attributes === undefined ? {} : check.accept(attributes))
    // The overflow series stands in only while there is no room.
    if (attributes === undefined && found !== stream.overflowIfAny) this.#plain = found
    return found
  }
}
