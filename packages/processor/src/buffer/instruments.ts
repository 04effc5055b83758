import type { Attributes, Context, Counter, Gauge, Histogram, UpDownCounter } from '@opentelemetry/api'
import type { Generations } from '../series/generations.ts'
import type { ScalarSeries, Series } from '../series/series.ts'
import type { Recorder, RecordingCells } from './recorder.ts'
import type { ValueCheck } from './value-check.ts'

/** An instrument whose measurements all have certain attributes, which were resolved once. */
interface Bindable<A extends Attributes, Instrument> {
  /**
   * The same instrument with these attributes on every measurement (OTel spec, metrics API, "Bind"). Recording without
   * further attributes then looks nothing up; with them, they are added, at the price of the unbound instrument.
   *
   * The series counts against the cardinality limit from now on, keeps its place in all turns, and is not forgotten until
   * what is returned is garbage. Where there is no room it is the overflow series, for good.
   */
  bind(attributes: A): Instrument
}

/** What instruments of all kinds are made of. */
export interface InstrumentParts {
  readonly generations: Generations
  readonly recorder: Recorder
  readonly check: ValueCheck
}

// In all of them the fast lane comes first: one number in one series that was touched in the hot generation already.

/** A `Counter` that records straight into the hot generation. Never throws; what it cannot take is dropped and counted. */
export class BufferedCounter<A extends Attributes = Attributes> implements Counter<A>, Bindable<A, BufferedCounter<A>> {
  readonly #generations: Generations
  readonly #recorder: Recorder
  readonly #check: ValueCheck
  readonly #isWhole: boolean
  #lane: ScalarSeries | undefined

  /** @internal */
  constructor({ generations, recorder, check }: InstrumentParts) {
    this.#generations = generations
    this.#recorder = recorder
    this.#check = check
    this.#isWhole = check.isWhole
    this.#lane = scalarLane(recorder)
  }

  add(value: number, attributes?: A, context?: Context): void {
    const lane = this.#lane
    if (
      attributes === undefined &&
      typeof value === 'number' &&
      value >= 0 &&
      lane !== undefined &&
      lane.lastGeneration === this.#generations.hotNumber &&
      (!this.#isWhole || Number.isInteger(value))
    ) {
      lane.value += value
      return
    }
    const accepted = typeof value === 'number' && value >= 0 && !this.#isWhole ? value : this.#check.accept(value)
    if (Number.isNaN(accepted)) return
    this.#recorder.record(accepted, attributes, context)
    if (attributes === undefined) this.#lane = scalarLane(this.#recorder)
  }

  bind(attributes: A): BufferedCounter<A> {
    return new BufferedCounter({
      generations: this.#generations,
      recorder: this.#recorder.bind(attributes),
      check: this.#check,
    })
  }
}

/** An `UpDownCounter` that records straight into the hot generation. See {@link BufferedCounter}. */
export class BufferedUpDownCounter<A extends Attributes = Attributes>
  implements UpDownCounter<A>, Bindable<A, BufferedUpDownCounter<A>>
{
  readonly #generations: Generations
  readonly #recorder: Recorder
  readonly #check: ValueCheck
  readonly #isWhole: boolean
  #lane: ScalarSeries | undefined

  /** @internal */
  constructor({ generations, recorder, check }: InstrumentParts) {
    this.#generations = generations
    this.#recorder = recorder
    this.#check = check
    this.#isWhole = check.isWhole
    this.#lane = scalarLane(recorder)
  }

  add(value: number, attributes?: A, context?: Context): void {
    const lane = this.#lane
    if (
      attributes === undefined &&
      typeof value === 'number' &&
      !Number.isNaN(value) &&
      lane !== undefined &&
      lane.lastGeneration === this.#generations.hotNumber &&
      (!this.#isWhole || Number.isInteger(value))
    ) {
      lane.value += value
      return
    }
    const accepted = this.#check.accept(value)
    if (Number.isNaN(accepted)) return
    this.#recorder.record(accepted, attributes, context)
    if (attributes === undefined) this.#lane = scalarLane(this.#recorder)
  }

  bind(attributes: A): BufferedUpDownCounter<A> {
    return new BufferedUpDownCounter({
      generations: this.#generations,
      recorder: this.#recorder.bind(attributes),
      check: this.#check,
    })
  }
}

/** A synchronous `Gauge` that records straight into the hot generation. See {@link BufferedCounter}. */
export class BufferedGauge<A extends Attributes = Attributes> implements Gauge<A>, Bindable<A, BufferedGauge<A>> {
  readonly #generations: Generations
  readonly #recorder: Recorder
  readonly #check: ValueCheck

  /** @internal */
  constructor({ generations, recorder, check }: InstrumentParts) {
    this.#generations = generations
    this.#recorder = recorder
    this.#check = check
  }

  record(value: number, attributes?: A, context?: Context): void {
    const accepted = this.#check.accept(value)
    if (!Number.isNaN(accepted)) this.#recorder.record(accepted, attributes, context)
  }

  bind(attributes: A): BufferedGauge<A> {
    return new BufferedGauge({
      generations: this.#generations,
      recorder: this.#recorder.bind(attributes),
      check: this.#check,
    })
  }
}

/** A `Histogram` that records straight into the hot generation. See {@link BufferedCounter}. */
export class BufferedHistogram<A extends Attributes = Attributes>
  implements Histogram<A>, Bindable<A, BufferedHistogram<A>>
{
  readonly #generations: Generations
  readonly #recorder: Recorder
  readonly #check: ValueCheck
  readonly #isWhole: boolean
  #lane: Series | undefined
  #even: RecordingCells | undefined
  #odd: RecordingCells | undefined

  /** @internal */
  constructor({ generations, recorder, check }: InstrumentParts) {
    this.#generations = generations
    this.#recorder = recorder
    this.#check = check
    this.#isWhole = check.isWhole
    this.#takeLane()
  }

  record(value: number, attributes?: A, context?: Context): void {
    if (typeof value !== 'number' || !(value >= 0) || this.#isWhole) this.#recordSlowly(value, attributes, context)
    else if (attributes === undefined) this.#recordPlain(value, context)
    else this.#recorder.record(value, attributes, context)
  }

  #recordPlain(value: number, context: Context | undefined): void {
    const lane = this.#lane
    const { hotNumber } = this.#generations
    if (lane !== undefined && lane.lastGeneration === hotNumber) {
      const cells = (hotNumber & 1) === 0 ? this.#even : this.#odd
      cells!.record(lane, value)
      return
    }
    this.#recorder.record(value, undefined, context)
    this.#takeLane()
  }

  #recordSlowly(value: number, attributes: A | undefined, context: Context | undefined): void {
    const accepted = this.#check.accept(value)
    if (Number.isNaN(accepted)) return
    this.#recorder.record(accepted, attributes, context)
    if (attributes === undefined) this.#takeLane()
  }

  bind(attributes: A): BufferedHistogram<A> {
    return new BufferedHistogram({
      generations: this.#generations,
      recorder: this.#recorder.bind(attributes),
      check: this.#check,
    })
  }

  #takeLane(): void {
    const { lane } = this.#recorder
    this.#lane = lane?.sides && lane.series
    this.#even = lane?.sides?.[0]
    this.#odd = lane?.sides?.[1]
  }
}

/** The series whose one number the instrument may add to by itself. */
function scalarLane({ lane }: Recorder): ScalarSeries | undefined {
  return lane !== undefined && lane.sides === undefined ? (lane.series as ScalarSeries) : undefined
}
