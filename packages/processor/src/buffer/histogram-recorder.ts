import type { Attributes } from '@opentelemetry/api'
import type { Generations } from '../series/generations.ts'
import { BoundRecorder } from './bound-recorder.ts'
import type { Lane, Recorder, RecordingCells } from './recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'

/** Records into a stream of histograms, explicit or exponential. */
export class HistogramRecorder implements Recorder {
  readonly #lookup: SeriesLookup
  readonly #generations: Generations
  /** The sides of generations with an even number, and with an odd one. */
  readonly #even: RecordingCells
  readonly #odd: RecordingCells

  constructor(lookup: SeriesLookup) {
    this.#lookup = lookup
    this.#generations = lookup.target.generations
    ;[this.#even, this.#odd] = lookup.target.stream.sides as readonly [RecordingCells, RecordingCells]
  }

  get lane(): Lane | undefined {
    const { plain } = this.#lookup
    return plain && { series: plain, sides: [this.#even, this.#odd] }
  }

  record(value: number, attributes: Attributes | undefined): void {
    const series = this.#lookup.find(attributes)
    const cells = (this.#generations.hotNumber & 1) === 0 ? this.#even : this.#odd
    cells.record(series, value)
  }

  bind(attributes: Attributes): Recorder {
    const { check } = this.#lookup.target
    return new BoundRecorder(this, attributes, check, (safe) => new HistogramRecorder(this.#lookup.bind(safe)))
  }
}
