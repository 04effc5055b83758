import type { Attributes } from '@opentelemetry/api'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { ScalarSeries } from '../series/series.ts'
import { BoundRecorder } from './bound-recorder.ts'
import type { Lane, Recorder } from './recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'

/** Records into a stream whose cells are one number: a sum, or a last value. */
export class ScalarRecorder implements Recorder {
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
