import type { Attributes } from '@opentelemetry/api'
import type { Cell } from '../aggregation/cell.ts'
import type { Stream } from './stream.ts'

/**
 * One stream with one attribute set. It outlives every generation: it owns one cell for each side of the double buffer,
 * made when that side first needs it.
 */
export class Series {
  readonly stream: Stream
  /** A frozen copy of what was recorded. */
  readonly attributes: Attributes
  /** @internal Indexed by {@link Generation.side}; only the {@link Generation} of that side touches its cell. */
  readonly cells: [Cell | undefined, Cell | undefined] = [undefined, undefined]
  /** @internal Number of the last generation this series was recorded in. */
  lastGeneration = 0

  constructor(stream: Stream, attributes: Attributes) {
    this.stream = stream
    this.attributes = attributes
  }
}
