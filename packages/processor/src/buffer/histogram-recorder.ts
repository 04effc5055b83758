import type { Attributes, Context } from '@opentelemetry/api'
import type { ExponentialHistogramCells } from '../aggregation/exponential-histogram-cells.ts'
import type { HistogramCells } from '../aggregation/histogram-cells.ts'
import type { Generations } from '../series/generations.ts'
import type { ExemplarSampler } from './exemplar-sampler.ts'
import type { Recorder } from './recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'

/** Cells that a measurement goes into by way of a bucket. */
type RecordingCells = HistogramCells | ExponentialHistogramCells

/** Records into a stream of histograms, explicit or exponential. */
export class HistogramRecorder implements Recorder {
  readonly #lookup: SeriesLookup
  readonly #exemplars: ExemplarSampler | undefined
  readonly #generations: Generations
  /** By the last bit of the hot generation's number. */
  readonly #sides: readonly [RecordingCells, RecordingCells]

  constructor(lookup: SeriesLookup, exemplars: ExemplarSampler | undefined) {
    this.#lookup = lookup
    this.#exemplars = exemplars
    this.#generations = lookup.target.generations
    this.#sides = lookup.target.stream.sides as readonly [RecordingCells, RecordingCells]
  }

  get lane(): undefined {
    return undefined
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    const series = this.#lookup.find(attributes)
    this.#sides[this.#generations.hotNumber & 1]!.record(series, value)
    this.#exemplars?.offer(series, value, measured ?? attributes, context)
  }

  bind(attributes: Attributes): Recorder {
    return new HistogramRecorder(this.#lookup.bind(attributes), this.#exemplars)
  }
}
