import type { Attributes, Context } from '@opentelemetry/api'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { ScalarSeries } from '../series/series.ts'
import type { ExemplarSampler } from './exemplar-sampler.ts'
import type { Recorder } from './recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'

/** Records into a stream whose cells are one number: a sum, or a last value. */
export class ScalarRecorder implements Recorder {
  readonly #lookup: SeriesLookup
  readonly #exemplars: ExemplarSampler | undefined
  readonly #adds: boolean

  constructor(lookup: SeriesLookup, exemplars: ExemplarSampler | undefined) {
    this.#lookup = lookup
    this.#exemplars = exemplars
    this.#adds = lookup.target.stream.aggregation.type === DataPointType.SUM
  }

  get lane(): ScalarSeries | undefined {
    return this.#exemplars === undefined ? (this.#lookup.plain as ScalarSeries | undefined) : undefined
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    const series = this.#lookup.find(attributes) as ScalarSeries
    series.value = this.#adds ? series.value + value : value
    this.#exemplars?.offer(series, value, measured ?? attributes, context)
  }

  bind(attributes: Attributes): Recorder {
    return new ScalarRecorder(this.#lookup.bind(attributes), this.#exemplars)
  }
}
