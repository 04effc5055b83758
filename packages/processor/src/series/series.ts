import type { Attributes } from '@opentelemetry/api'
import { thawedAttributes } from './attribute-key.ts'
import type { AttributeTemplate } from './attribute-template.ts'
import type { Stream } from './stream.ts'

/** A small integer, as all numbers of generations are: one that is not would make V8 box the field of every series. */
const FORGOTTEN = -(2 ** 30)

/**
 * One stream with one attribute set. It outlives every generation; what was recorded for it lies in the stream's cells of
 * either side, under its row, or in itself where that is one number ({@link ScalarSeries}).
 *
 * INVARIANT: while somebody holds it (a fold that has a point of it, a bound instrument), or it was recorded in this
 * generation or the last, it is the only series of its attributes and of its row. After that its stream forgets it, and
 * the same attributes are a new series when they come back.
 */
export class Series {
  readonly stream: Stream
  /** What it has in common with others, if it shares that. */
  #template: AttributeTemplate | undefined = undefined
  /** A frozen copy of what was recorded; with a template, the one value that is not in it. */
  #own: unknown
  /** The number under which everything of its stream knows it; another series may have it once this one is gone. */
  readonly row: number
  #holders = 0
  /**
   * @internal Number of the last generation it was recorded in, which is what every recording looks at. Negative once it
   * was not recorded for a whole generation, so that the next recording takes the slow path and makes it positive again.
   */
  lastGeneration = 0

  constructor(stream: Stream, attributes: Attributes, row: number) {
    this.stream = stream
    this.#own = attributes
    this.row = row
  }

  /** What was recorded, copied; not to be changed. It may be another object each time. */
  get attributes(): Attributes {
    return this.#template === undefined ? (this.#own as Attributes) : this.#template.with(this.#own)
  }

  /** The same as an object of the caller's own, arrays and all: for exporters, which may change what they are given. */
  ownAttributes(): Attributes {
    // What a template gives is new, and has no containers.
    return this.#template === undefined ? thawedAttributes(this.#own as Attributes) : this.#template.with(this.#own)
  }

  /** @internal Keeps no attributes of its own any more but one value. */
  share(template: AttributeTemplate, value: unknown): void {
    this.#template = template
    this.#own = value
  }

  /** @internal Its stream knows it no more: whoever remembers it has to ask for its attributes again. */
  get isForgotten(): boolean {
    return this.lastGeneration === FORGOTTEN
  }

  /** @internal Whether a fold or a bound instrument has it. */
  get isHeld(): boolean {
    return this.#holders > 0
  }

  // At the end of a way through the AttributeIndex a series is a node that leads nowhere.

  /** @internal */
  get series(): this {
    return this
  }

  /** @internal */
  get name(): string {
    return ''
  }

  /** @internal */
  get child(): undefined {
    return undefined
  }

  /** @internal */
  get next(): undefined {
    return undefined
  }

  /** @internal */
  find(_value: unknown): undefined {
    return undefined
  }

  /** @internal A fold or a bound instrument has it now. */
  hold(): void {
    this.#holders++
  }

  /** @internal A fold or a bound instrument has it no more. */
  letGo(): void {
    this.#holders--
    // Bound, and never recorded: no turn will find it idle.
    if (this.lastGeneration === 0) this.lastGeneration = -1
    if (this.#holders === 0) forgetIfIdle(this)
  }

  /** @internal It was not recorded for a whole generation. */
  markIdle(): void {
    if (this.lastGeneration > 0) this.lastGeneration = -this.lastGeneration
    if (this.#holders === 0) forgetIfIdle(this)
  }
}

/** No private method: those cost every instance a field. */
function forgetIfIdle(series: Series): void {
  if (series.lastGeneration >= 0 || series.isForgotten) return
  // The overflow series is found by no attributes, and one is enough for ever.
  if (series === series.stream.overflowIfAny) return
  series.lastGeneration = FORGOTTEN
  series.stream.forget(series)
}

/**
 * A series whose cell is one number: of a sum or a gauge.
 *
 * INVARIANT: `value` belongs to {@link lastGeneration}, and `previous` to a generation before it. So recording never asks
 * which side is hot, and whoever drains generation g reads `value` unless the series was recorded in g + 1 meanwhile. The
 * numbers stay small integers, which V8 adds in place, until a fraction comes. They lie beside `lastGeneration`, in the
 * cache line that a recording looks at anyway.
 */
export class ScalarSeries extends Series {
  /** @internal */
  value = 0
  /** @internal */
  previous = 0
}
