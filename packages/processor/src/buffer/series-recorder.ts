import type { Attributes } from '@opentelemetry/api'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Generations } from '../series/generations.ts'
import type { ScalarSeries } from '../series/series.ts'
import { BoundRecorder } from './bound-recorder.ts'
import type { Lane, Recorder, RecordingCells } from './recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'

/** What records into the stream of a lookup. */
export function seriesRecorder(lookup: SeriesLookup): Recorder {
  return lookup.target.stream.isScalar ? new ScalarRecorder(lookup) : new HistogramRecorder(lookup)
}

/** Records into a stream whose cells are one number: a sum, or a last value. */
class ScalarRecorder implements Recorder {
  readonly #lookup: SeriesLookup
  readonly #adds: boolean

  constructor(lookup: SeriesLookup) {
    this.#lookup = lookup
    this.#adds = lookup.target.stream.aggregation.type === DataPointType.SUM
  }

  get lane(): Lane | undefined {
    const { plain } = this.#lookup
    // Of a gauge the instrument would have to set and not to add.
    if (plain === undefined || !this.#adds) return undefined
    return { series: plain, sides: undefined }
  }

  record(value: number, attributes: Attributes | undefined): void {
    const series = this.#lookup.find(attributes) as ScalarSeries
    if (this.#adds) series.value += value
    else series.value = value
  }

  bind(attributes: Attributes): Recorder {
    const { check } = this.#lookup.target
    return new BoundRecorder(this, attributes, check, (safe) => new ScalarRecorder(this.#lookup.bind(safe)))
  }
}

/** Records into a stream of histograms, explicit or exponential. */
class HistogramRecorder implements Recorder {
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
