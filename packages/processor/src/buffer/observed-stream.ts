import type { Attributes } from '@opentelemetry/api'
import { DataPointType, type IAttributesProcessor, InstrumentType } from '@opentelemetry/sdk-metrics'
import type { ExponentialHistogramCells } from '../aggregation/exponential-histogram-cells.ts'
import type { HistogramCells } from '../aggregation/histogram-cells.ts'
import type { Generation } from '../series/generation.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'
import type { AttributeCheck } from './attribute-check.ts'

/** One value that a callback has observed. */
export interface Observation {
  readonly attributes: Attributes
  readonly value: number
}

/** What one run of a callback has observed of one instrument, by {@link attributeKey}: of one attribute set, the last value. */
export type Observations = ReadonlyMap<string, Observation>

/**
 * Puts what the callbacks of one instrument observe into one stream.
 *
 * What is observed of a counter is a sum since some start, so it is differenced here: a sum that falls has begun anew
 * (OTel data model, "Resets and Gaps"), and the generation says so. What was seen last is remembered for as many series
 * as the stream's limit allows, whether they are observed again or not.
 *
 * Where several sets are one series, because a view makes them equal or they are beyond the limit, each is differenced on
 * its own, as what its callback has observed of it before, and none makes the series begin anew.
 */
export class ObservedStream {
  readonly #stream: Stream
  readonly #processors: readonly IAttributesProcessor[]
  readonly #check: AttributeCheck
  readonly #isMonotonic: boolean
  readonly #last = new Map<Series, number>()
  /** Of sets that share a series, what each callback observed the last time: the sets of its last run, and others up to the limit. */
  readonly #lastOfSets = new WeakMap<object, Map<string, number>>()

  constructor(stream: Stream, processors: readonly IAttributesProcessor[], check: AttributeCheck) {
    this.#stream = stream
    this.#processors = processors
    this.#check = check
    this.#isMonotonic = stream.kind === InstrumentType.OBSERVABLE_COUNTER
  }

  /**
   * Records what one run of a callback has observed into the hot generation.
   *
   * @param registration what tells the callback from others
   */
  record(observations: Observations, hot: Generation, registration: object): void {
    switch (this.#stream.aggregation.type) {
      case DataPointType.SUM:
        this.#recordSums(observations, hot, registration)
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

  #recordSums(observations: Observations, hot: Generation, registration: object): void {
    let lastOfSets = this.#lastOfSets.get(registration)
    if (lastOfSets === undefined) {
      lastOfSets = new Map()
      this.#lastOfSets.set(registration, lastOfSets)
    }
    for (const [key, { attributes, value }] of observations) {
      const series = this.#rememberedSeries(this.#prepare(attributes))
      if (this.#processors.length > 0 || series === this.#stream.overflowIfAny) {
        const last = lastOfSets.get(key) ?? 0
        lastOfSets.set(key, value)
        this.#add(series, this.#hasFallen(value, last) ? value : value - last, hot)
      } else {
        const last = this.#last.get(series)!
        this.#last.set(series, value)
        const hasFallen = this.#hasFallen(value, last)
        const target = this.#add(series, hasFallen ? value : value - last, hot)
        // In the overflow series there are others, which did not begin anew.
        if (hasFallen && target === series) hot.restart(series, value)
      }
    }
    if (lastOfSets.size <= this.#stream.limit) return
    for (const key of lastOfSets.keys()) if (!observations.has(key)) lastOfSets.delete(key)
  }

  #hasFallen(value: number, last: number): boolean {
    return this.#isMonotonic && value < last
  }

  /** Returns the series it was added to. */
  #add(series: Series, added: number, hot: Generation): Series {
    const target = hot.touch(series)
    hot.cellsOf(this.#stream).add(target, added)
    const sinceRestart = hot.restartOf(target)
    if (sinceRestart !== undefined) hot.restart(target, sinceRestart + added)
    return target
  }

  /** A series that is held from now on, so that its sum is remembered with it; the overflow series beyond the limit. */
  #rememberedSeries(attributes: Attributes): Series {
    const hasRoom = this.#last.size < this.#stream.limit
    const known = this.#stream.index.find(attributes)
    if (known !== undefined && this.#last.has(known)) return known
    if (!hasRoom) return this.#stream.overflow
    const series = this.#stream.seriesFor(attributes, true)
    if (series !== this.#stream.overflowIfAny) {
      series.hold()
      this.#last.set(series, 0)
    }
    return series
  }

  #prepare(attributes: Attributes): Attributes {
    let processed = attributes
    try {
      for (const processor of this.#processors) processed = processor.process(processed)
    } catch (error) {
      this.#check.mishaps.mended('an attributes processor of a view must not throw', error, 'attributes are left out')
      processed = {}
    }
    return this.#check.accept(processed)
  }
}
