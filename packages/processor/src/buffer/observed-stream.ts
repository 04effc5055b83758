import type { Attributes } from '@opentelemetry/api'
import { DataPointType, type IAttributesProcessor, InstrumentType } from '@opentelemetry/sdk-metrics'
import type { ExponentialHistogramCells } from '../aggregation/exponential-histogram-cells.ts'
import type { HistogramCells } from '../aggregation/histogram-cells.ts'
import type { Generation } from '../series/generation.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'
import type { Mishaps } from './mishaps.ts'
import { safeAttributes } from './safe-attributes.ts'

/** One value that a callback has observed. */
export interface Observation {
  readonly attributes: Attributes
  readonly value: number
}

/**
 * Puts what the callbacks of one instrument observe into one stream.
 *
 * What is observed of a counter is a sum since some start, so it is differenced here: a sum that falls has begun anew
 * (OTel data model, "Resets and Gaps"), and the generation says so. What was seen last is remembered for as many series
 * as the stream's limit allows, whether they are observed again or not; what is beyond is added up in the overflow series.
 */
export class ObservedStream {
  readonly #stream: Stream
  readonly #processors: readonly IAttributesProcessor[]
  readonly #mishaps: Mishaps
  readonly #isMonotonic: boolean
  readonly #last = new Map<Series, number>()

  constructor(stream: Stream, processors: readonly IAttributesProcessor[], mishaps: Mishaps) {
    this.#stream = stream
    this.#processors = processors
    this.#mishaps = mishaps
    this.#isMonotonic = stream.kind === InstrumentType.OBSERVABLE_COUNTER
  }

  /** Records what one run of a callback has observed, each attribute set once, into the hot generation. */
  record(observations: Iterable<Observation>, hot: Generation): void {
    switch (this.#stream.aggregation.type) {
      case DataPointType.SUM:
        this.#recordSums(observations, hot)
        break
      case DataPointType.GAUGE:
        for (const { attributes, value } of observations) hot.add(this.#stream, this.#prepare(attributes), value)
        break
      default: {
        // Each observation is a measurement like any other.
        const cells = hot.cellsOf(this.#stream) as HistogramCells | ExponentialHistogramCells
        for (const { attributes, value } of observations) {
          cells.record(hot.seriesFor(this.#stream, this.#prepare(attributes)), value)
        }
      }
    }
  }

  #recordSums(observations: Iterable<Observation>, hot: Generation): void {
    // Sets that a view makes equal, and those in the overflow series, are one sum.
    const totals = new Map<Series, number>()
    for (const { attributes, value } of observations) {
      const series = this.#rememberedSeries(this.#prepare(attributes))
      totals.set(series, (totals.get(series) ?? 0) + value)
    }
    for (const [series, total] of totals) {
      const last = this.#last.get(series) ?? 0
      const hasFallen = this.#isMonotonic && total < last
      const added = hasFallen ? total : total - last
      this.#last.set(series, total)
      const target = hot.touch(series)
      hot.cellsOf(this.#stream).add(target, added)
      const sinceRestart = hot.restartOf(target)
      if (hasFallen) hot.restart(target, total)
      else if (sinceRestart !== undefined) hot.restart(target, sinceRestart + added)
    }
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
      this.#mishaps.mended('an attributes processor of a view must not throw', error, 'attributes are left out')
      processed = {}
    }
    return safeAttributes(processed, this.#mishaps)
  }
}
