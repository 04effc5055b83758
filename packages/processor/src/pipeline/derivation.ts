import type { Attributes } from '@opentelemetry/api'
import type { Slices, TimeSlice } from '../core/time-slice.ts'
import { Generation } from '../series/generation.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'
import { StreamRegistry } from '../series/stream-registry.ts'
import { UserCode } from '../series/user-code.ts'
import { DROPPED, type GuardedProcessor } from './guarded-processor.ts'
import type { ProcessedMetric } from './metric-processor.ts'

/** What became of a stream: another one, and the metric that processors are shown for its attributes. */
interface DerivedStream {
  readonly stream: Stream
  readonly metric: ProcessedMetric
}

/**
 * Runs processors over a frozen generation. It is not edited: its series are mapped, once each, to series of our own, and
 * their cells merged into those of a derived generation, which is then drained in its place.
 */
export class Derivation {
  readonly #processors: readonly GuardedProcessor[]
  readonly #slice: TimeSlice
  /** Derived streams have the limit of the highest of their sources, see {@link #mapSeries}. */
  readonly #registry = new StreamRegistry()
  readonly #streams = new WeakMap<Stream, DerivedStream | typeof DROPPED>()
  readonly #series = new WeakMap<Series, Series | typeof DROPPED>()
  readonly #derived = new Generation(0)
  readonly #given = new UserCode(
    'the attributes that processors gave',
    ' when they were read; those of before stand in',
  )
  #filtered = 0

  constructor(processors: readonly GuardedProcessor[], slice: TimeSlice) {
    this.#processors = processors
    this.#slice = slice
  }

  /** How many points were dropped: one for each dropped series and generation. */
  get filtered(): number {
    return this.#filtered
  }

  /** What is to be drained in place of these series of `frozen`, if it is anything else; valid until the next call. */
  *derive(frozen: Generation, passing: readonly Series[]): Slices<Generation | undefined> {
    if (this.#processors.length === 0) return undefined
    const before = this.#derived.open(frozen.number, frozen.startUnixMicros)
    this.#derived.close(frozen.endUnixMicros)
    yield* this.#slice.eachOf(passing, (series) => {
      const target = this.#seriesFor(series)
      if (target === DROPPED) this.#filtered++
      else this.#derived.merge(target, frozen, series)
    })
    yield* this.#slice.eachOf(before, (series) => {
      if (series.lastGeneration < frozen.number) series.markIdle()
    })
    return this.#derived
  }

  #seriesFor(source: Series): Series | typeof DROPPED {
    const known = this.#series.get(source)
    if (known !== undefined && (known === DROPPED || !known.isForgotten)) return known
    const target = this.#mapSeries(source)
    // What overflows now may have room in a later generation.
    if (target === DROPPED || target !== target.stream.overflowIfAny) this.#series.set(source, target)
    return target
  }

  #mapSeries(source: Series): Series | typeof DROPPED {
    const derived = this.#streamFor(source.stream)
    if (derived === DROPPED) return DROPPED
    derived.stream.limit = Math.max(derived.stream.limit, source.stream.limit)
    // It stands for sets of many attributes: none of them may be taken from it or given to it.
    if (source === source.stream.overflowIfAny) return derived.stream.overflow
    let attributes = source.attributes
    for (const processor of this.#processors) {
      const answer = processor.ofAttributes(attributes, derived.metric)
      if (answer === DROPPED) return DROPPED
      attributes = answer
    }
    const { stream } = derived
    const seriesOf = (set: Attributes) => stream.seriesFor(set, this.#derived.hasRoom(stream))
    return this.#given.ask(() => seriesOf(attributes), isSeries, undefined) ?? seriesOf(source.attributes)
  }

  #streamFor(source: Stream): DerivedStream | typeof DROPPED {
    const known = this.#streams.get(source)
    if (known !== undefined) return known
    const derived = this.#mapStream(source)
    this.#streams.set(source, derived)
    return derived
  }

  #mapStream(source: Stream): DerivedStream | typeof DROPPED {
    const { scope, kind, descriptor } = source
    const { name, description, unit, valueType } = descriptor
    let metric: ProcessedMetric = { scope, name, description, unit, kind, valueType }
    for (const processor of this.#processors) {
      const answer = processor.ofMetric(metric)
      if (answer === DROPPED) return DROPPED
      metric = answer
    }
    const renamed = { ...descriptor, name: metric.name, description: metric.description, unit: metric.unit }
    const stream = this.#registry.stream(scope, renamed, kind, source.aggregation, source.limit)
    return { stream, metric }
  }
}

function isSeries(given: unknown): Series | undefined {
  return given as Series
}
