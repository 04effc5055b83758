import type { AttachedReader } from '@otel-sluice/processor'
import type { Rendering } from './rendering.ts'

/** How many will release a rendering. */
export interface Waiting {
  count: number
}

/**
 * Rounds of scrapes, one after the other: a turn, the rendering of what there is then, and the compression of that where it
 * is wanted. Whoever comes while one is under way shares the next, which begins after they came. So many scrapers at once
 * cost two or three rounds, not one each.
 */
export class Rounds {
  readonly #render: (reader: AttachedReader, waiting: Waiting) => Promise<Rendering>
  readonly #isGzipped: boolean
  #tail: Promise<unknown> = Promise.resolve()
  #unbegun: { readonly rendering: Promise<Rendering>; readonly waiting: Waiting } | undefined

  constructor(render: (reader: AttachedReader, waiting: Waiting) => Promise<Rendering>, isGzipped: boolean) {
    this.#render = render
    this.#isGzipped = isGzipped
  }

  /** What the next round to begin comes to. Whoever asks has to release it. */
  next(reader: AttachedReader): Promise<Rendering> {
    if (this.#unbegun === undefined) {
      const waiting = { count: 0 }
      const rendering = this.#tail.then(() => this.#round(reader, waiting))
      this.#tail = rendering.then(ignore, ignore)
      this.#unbegun = { rendering, waiting }
    }
    this.#unbegun.waiting.count++
    return this.#unbegun.rendering
  }

  async #round(reader: AttachedReader, waiting: Waiting): Promise<Rendering> {
    // What the sockets hold already is of this round, too.
    await new Promise((resolve) => setImmediate(resolve))
    this.#unbegun = undefined
    await reader.turn()
    const rendering = await this.#render(reader, waiting)
    try {
      if (this.#isGzipped) await rendering.gzipped()
      return rendering
    } catch (error) {
      rendering.releaseAll()
      throw error
    }
  }
}

function ignore(): void {}
