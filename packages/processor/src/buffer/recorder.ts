import type { Attributes, Context } from '@opentelemetry/api'
import type { ScalarSeries } from '../series/series.ts'

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
  /**
   * The series that measurements without attributes go into, where recording is nothing but changing its value: then the
   * instrument does that itself while the series was touched in the hot generation. Undefined where there is more to it.
   */
  readonly lane: ScalarSeries | undefined
}

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
