import type { AttachedReader } from '@otel-sluice/processor'
import { settlesWithin } from '../settles-within.ts'
import { Readers } from './readers.ts'
import type { Rendering } from './rendering.ts'

/** A rendering to come. Whoever gets this is one of its readers, and has to leave. */
export interface Shared {
  readonly rendering: Promise<Rendering>
  readonly readers: Readers
}

/**
 * Rounds of scrapes, one after the other: a turn, the rendering of what there is then, and the compression of that where it
 * is wanted. Whoever comes while one is under way shares the next, which begins after they came. So many scrapers at once
 * cost two or three rounds, not one each.
 */
export class Rounds {
  readonly #render: (reader: AttachedReader, readers: Readers) => Promise<Rendering>
  readonly #isGzipped: boolean
  #tail: Promise<unknown> = Promise.resolve()
  #unbegun: Shared | undefined
  #latest: Shared | undefined
  /** How long the last compression took, in ms. */
  compressionMillis = 0

  constructor(render: (reader: AttachedReader, readers: Readers) => Promise<Rendering>, isGzipped: boolean) {
    this.#render = render
    this.#isGzipped = isGzipped
  }

  /** What the next round to begin comes to. */
  next(reader: AttachedReader): Shared {
    if (this.#unbegun === undefined) {
      const readers = new Readers()
      const rendering = this.#tail.then(() => this.#round(reader, readers))
      this.#unbegun = { rendering, readers }
      // The next round leaves the threads to this one's compression.
      this.#tail = rendering.then((rendered) => this.#compress(rendered)).catch(ignore)
    }
    this.#unbegun.readers.join()
    return this.#unbegun
  }

  /** What the last turn has left, for those who cannot wait for another one; shared until it is rendered. */
  latest(reader: AttachedReader): Shared {
    if (!this.#latest?.readers.areOpen) {
      const readers = new Readers()
      readers.join()
      this.#latest = { rendering: this.#render(reader, readers), readers }
      return this.#latest
    }
    this.#latest.readers.join()
    return this.#latest
  }

  /**
   * Has it compressed where that is wanted, and waits for it. Not where that takes too long: a scraper is better off with more
   * bytes than with none.
   */
  async compressWithin(rendering: Rendering, millis: number): Promise<void> {
    if (this.compressionMillis < millis) await settlesWithin(this.#compress(rendering), millis)
  }

  async #round(reader: AttachedReader, readers: Readers): Promise<Rendering> {
    // What the sockets hold already is of this round, too.
    await new Promise((resolve) => setImmediate(resolve))
    this.#unbegun = undefined
    await reader.turn()
    return this.#render(reader, readers)
  }

  async #compress(rendering: Rendering): Promise<void> {
    if (this.#isGzipped) this.compressionMillis = await rendering.compress()
  }
}

function ignore(): void {}
