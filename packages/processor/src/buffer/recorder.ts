import type { Attributes, Context } from '@opentelemetry/api'
import type { ExponentialHistogramCells } from '../aggregation/exponential-histogram-cells.ts'
import type { HistogramCells } from '../aggregation/histogram-cells.ts'
import type { Series } from '../series/series.ts'

/**
 * Puts measurements of one instrument into the hot generation of the streams it records into.
 *
 * Values come checked: no NaN, and nothing that the instrument does not take. Never throws.
 */
export interface Recorder {
  /** @param measured the attributes as they were given, where a view has changed them */
  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void
  /** The same with attributes resolved now. */
  bind(attributes: Attributes): Recorder
  /** A way past the recorder for measurements without attributes; undefined where there is more to them. */
  readonly lane: Lane | undefined
}

/**
 * Where measurements without attributes go: instruments put them there themselves, as long as the series was touched in
 * the hot generation.
 */
export interface Lane {
  readonly series: Series
  /** The cells of generations with an even number and with an odd one; undefined if it is one number in the series. */
  readonly sides: readonly [RecordingCells, RecordingCells] | undefined
}

/** Cells that a measurement goes into by way of a bucket. */
export type RecordingCells = HistogramCells | ExponentialHistogramCells

/** Records into several streams, one for each view; into none where all are dropped. */
export class FanOutRecorder implements Recorder {
  readonly #recorders: readonly Recorder[]

  constructor(recorders: readonly Recorder[]) {
    this.#recorders = recorders
  }

  get lane(): undefined {
    return undefined
  }

  record(value: number, attributes: Attributes | undefined, context: Context | undefined, measured?: Attributes): void {
    for (const recorder of this.#recorders) recorder.record(value, attributes, context, measured)
  }

  bind(attributes: Attributes): Recorder {
    return new FanOutRecorder(this.#recorders.map((recorder) => recorder.bind(attributes)))
  }
}
