/**
 * Two sides of which one is written while the other is read.
 *
 * A side is *hot* (being written), *frozen* (swapped out, owned by whoever froze it) or *free* (ready to become hot).
 * `freeze` swaps first and hands the old side out afterwards, so a writer never meets a reader: that is the whole point.
 *
 * Guarantees: `freeze` and `release` are O(1) and allocate nothing; at most one side is frozen at a time; a side that is
 * not the frozen one cannot be released. Assumes one thread and that nobody keeps `hot` across an `await`.
 */
export class DoubleBuffer<Side> {
  #hot: Side
  #free: Side | undefined
  #frozen: Side | undefined

  constructor(hot: Side, free: Side) {
    this.#hot = hot
    this.#free = free
  }

  /** The side to write to now. Read it again after every `await`. */
  get hot(): Side {
    return this.#hot
  }

  /**
   * Swaps the sides and returns the one that was hot. From here on nobody writes to it until it is released.
   *
   * @throws Error when the side frozen before has not been released
   */
  freeze(): Side {
    const next = this.#free
    if (next === undefined) throw new Error('freeze: the side that was frozen before has not been released')
    const frozen = this.#hot
    this.#free = undefined
    this.#frozen = frozen
    this.#hot = next
    return frozen
  }

  /**
   * Gives the frozen side back for reuse.
   *
   * @throws Error when `side` is not the frozen side: released twice, hot, or from another buffer
   */
  release(side: Side): void {
    if (this.#frozen === undefined || side !== this.#frozen) {
      throw new Error('release: this side is not frozen here (released twice, or taken from another buffer)')
    }
    this.#frozen = undefined
    this.#free = side
  }
}
