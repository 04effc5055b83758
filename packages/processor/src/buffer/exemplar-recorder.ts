import type { Attributes, Context } from '@opentelemetry/api'
import { BoundRecorder } from './bound-recorder.ts'
import type { ExemplarSampler } from './exemplar-sampler.ts'
import type { Recorder } from './recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'
import { seriesRecorder } from './series-recorder.ts'

/** Keeps examples of what is recorded; the recorders that do the recording need not know of them. */
export class ExemplarRecorder implements Recorder {
  readonly #recorder: Recorder
  readonly #lookup: SeriesLookup
  readonly #sampler: ExemplarSampler

  constructor(lookup: SeriesLookup, sampler: ExemplarSampler) {
    this.#recorder = seriesRecorder(lookup)
    this.#lookup = lookup
    this.#sampler = sampler
  }

  get lane(): undefined {
    return undefined
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    this.#recorder.record(value, attributes, context)
    this.#sampler.offer(this.#lookup.find(attributes), value, measured ?? attributes, context)
  }

  bind(attributes: Attributes): Recorder {
    const { check } = this.#lookup.target
    return new BoundRecorder(this, attributes, check, (safe) => {
      return new ExemplarRecorder(this.#lookup.bind(safe), this.#sampler)
    })
  }
}
