import type { Attributes } from '@opentelemetry/api'
import type { Cell } from '../aggregation/cell.ts'
import type { Stream } from './stream.ts'

/**
 * One stream with one attribute set. It outlives every generation: it owns one cell for each side of the double buffer,
 * made when that side first needs it.
 *
 * INVARIANT: while a fold holds a point of it, or it was recorded in this generation or the last, it is the only series
 * of its attributes. After that its stream forgets it, and the same attributes are a new series when they come back.
 */
export class Series {
  readonly stream: Stream
  /** A frozen copy of what was recorded. */
  readonly attributes: Attributes
  /** @internal Indexed by {@link Generation.side}; only the {@link Generation} of that side touches its cell. */
  readonly cells: [Cell | undefined, Cell | undefined] = [undefined, undefined]
  /** @internal Number of the last generation this series was recorded in. */
  lastGeneration = 0
  /** @internal Its stream knows it no more: whoever remembers it has to ask for its attributes again. */
  isForgotten = false
  #idleSince = -1
  #holders = 0

  constructor(stream: Stream, attributes: Attributes) {
    this.stream = stream
    this.attributes = attributes
  }

  /** @internal A fold has a point of it now. */
  hold(): void {
    this.#holders++
  }

  /** @internal A fold has none any more. */
  letGo(): void {
    this.#holders--
    this.#forgetIfUnused()
  }

  /** @internal It was not recorded for a whole generation. */
  markIdle(): void {
    this.#idleSince = this.lastGeneration
    this.#forgetIfUnused()
  }

  #forgetIfUnused(): void {
    // It may have been recorded again since it was marked.
    if (this.#holders > 0 || this.#idleSince !== this.lastGeneration) return
    this.isForgotten = true
    this.stream.forget(this)
  }
}
