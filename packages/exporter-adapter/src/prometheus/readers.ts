/** Those who share a rendering: from when they ask for it, whether or not it comes in time for them, until they are done. */
export class Readers {
  #count = 0
  #whenGone: (() => void) | undefined

  /** Whether nobody waits for it, nor reads it. */
  get areGone(): boolean {
    return this.#count === 0
  }

  /** Whether somebody may still {@link join}. */
  get areOpen(): boolean {
    return this.#whenGone === undefined
  }

  /** Each of them has to {@link leave}, once. */
  join(): void {
    this.#count++
  }

  leave(): void {
    this.#count--
    if (this.areGone) this.#whenGone?.()
  }

  /** From now on nobody joins. Has `whenGone` called after the last one, or now if that has left. */
  close(whenGone: () => void): void {
    this.#whenGone = whenGone
    if (this.areGone) whenGone()
  }
}
