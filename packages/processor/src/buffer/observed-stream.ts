import type { Attributes } from '@opentelemetry/api'
import { DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import type { ExponentialHistogramCells } from '../aggregation/exponential-histogram-cells.ts'
import type { HistogramCells } from '../aggregation/histogram-cells.ts'
import type { AttributeCheck } from '../series/attribute-check.ts'
import type { Generation } from '../series/generation.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'
import type { AttributesProcessors } from './attributes-processors.ts'
import { ObservedSums } from './observed-sums.ts'

/** One value that a callback has observed. */
export interface Observation {
  readonly attributes: Attributes
  readonly value: number
}

/** What one run of a callback has observed of one instrument, by {@link attributeKey}: of one attribute set, the last value. */
export type Observations = ReadonlyMap<string, Observation>

/** A set is remembered until this many times the limit of others were observed after it. */
const REMEMBERED_PER_LIMIT = 5

/**
 * Puts what the callbacks of one instrument observe into one stream.
 *
 * What is observed of a counter is a sum since some start, so it is differenced here ({@link ObservedSums}): a sum that
 * falls has begun anew (OTel data model, "Resets and Gaps"), and the generation says so. Where several sets are one series,
 * because a view makes them equal or they are beyond the limit, each is differenced on its own, and none makes the series
 * begin anew.
 *
 * A sum that has a series of its own keeps it for as long as a fold holds it: as cumulative it must not come and go. Others
 * give their place to what is observed first in a later generation.
 */
export class ObservedStream {
  readonly #stream: Stream
  readonly #processors: AttributesProcessors
  readonly #check: AttributeCheck
  readonly #isMonotonic: boolean
  readonly #sums = new ObservedSums()
  /** Series of sums, as many as the limit allows; some may be forgotten by the stream. */
  readonly #placed = new Set<Series>()
  /** The generation in which places were last given up: what is left then is needed in all of it. */
  #clearedGeneration = 0

  constructor(stream: Stream, processors: AttributesProcessors, check: AttributeCheck) {
    this.#stream = stream
    this.#processors = processors
    this.#check = check
    this.#isMonotonic = stream.kind === InstrumentType.OBSERVABLE_COUNTER
  }

  /** Records what one run of a callback has observed into the hot generation. */
  record(observations: Observations, hot: Generation): void {
    switch (this.#stream.aggregation.type) {
      case DataPointType.SUM:
        this.#recordSums(observations, hot)
        break
      case DataPointType.GAUGE:
        for (const { attributes, value } of observations.values()) {
          hot.add(this.#stream, this.#prepare(attributes), value)
        }
        break
      default: {
        // Each observation is a measurement like any other.
        const cells = hot.cellsOf(this.#stream) as HistogramCells | ExponentialHistogramCells
        for (const { attributes, value } of observations.values()) {
          cells.record(hot.seriesFor(this.#stream, this.#prepare(attributes)), value)
        }
      }
    }
  }

  #recordSums(observations: Observations, hot: Generation): void {
    const enough = REMEMBERED_PER_LIMIT * this.#stream.limit
    this.#sums.begin(hot.number, enough)
    for (const [key, { attributes, value }] of observations) {
      if (!Number.isFinite(value)) {
        // The next difference would be NaN, and the sum with it, for ever.
        this.#check.mishaps.dropped('a sum that is observed must be finite', value)
        continue
      }
      const series = this.#placeFor(this.#prepare(attributes), hot)
      const last = this.#sums.replace(key, value) ?? this.#goOnFrom(value, enough)
      const hasFallen = this.#isMonotonic && value < last
      const target = this.#add(series, hasFallen ? value : value - last, hot)
      // Where there are others in a series, they did not begin anew.
      const isAlone = this.#processors.areNone && target === series && target !== this.#stream.overflowIfAny
      if (hasFallen && isAlone) hot.restart(series, value)
    }
  }

  #goOnFrom(value: number, enough: number): number {
    this.#check.mishaps.mended(
      `an attribute set must be observed again before ${enough} others are`,
      value,
      'it goes on from there, what was added meanwhile is not counted',
    )
    return value
  }

  /** Returns the series it was added to. */
  #add(series: Series, added: number, hot: Generation): Series {
    const target = hot.touch(series)
    hot.cellsOf(this.#stream).add(target, added)
    const sinceRestart = hot.restartOf(target)
    if (sinceRestart !== undefined) hot.restart(target, sinceRestart + added)
    return target
  }

  /** The series of a sum; the overflow series where there is no place for another. */
  #placeFor(attributes: Attributes, hot: Generation): Series {
    const known = this.#stream.index.find(attributes)
    if (known !== undefined && this.#placed.has(known)) return known
    if (this.#placed.size >= this.#stream.limit) this.#clearPlaces(hot)
    if (this.#placed.size >= this.#stream.limit) return this.#stream.overflow
    const series = this.#stream.seriesFor(attributes, hot.hasRoom(this.#stream))
    if (series !== this.#stream.overflowIfAny) this.#placed.add(series)
    return series
  }

  #clearPlaces(hot: Generation): void {
    if (this.#clearedGeneration === hot.number) return
    this.#clearedGeneration = hot.number
    for (const series of this.#placed) {
      if (series.isForgotten || (!series.isHeld && series.lastGeneration !== hot.number)) this.#placed.delete(series)
    }
  }

  #prepare(attributes: Attributes): Attributes {
    return this.#check.accept(this.#processors.apply(attributes))
  }
}
