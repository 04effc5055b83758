/** How much memory renderings may hold together, in bytes: those that are being sent, and those on their way. */
const MOST_BYTES = 64 * 1024 * 1024
/** So many there may be, however large they are: while one is sent, the next scraper has its own. */
const ALWAYS = 2
/** How often room is asked for while somebody waits for it, in ms. */
const ASK_AGAIN_MILLIS = 100

/** What one rendering holds of the room. */
export interface Place {
  /** How many bytes it is now. */
  hold(bytes: number): void
  /** It is gone. */
  leave(): void
}

/**
 * Bounds the memory of renderings, which have to stay until the slowest of their scrapers has taken them. Where there is no
 * room, the next rendering waits, and whoever comes meanwhile waits for the same one: so many scrapers cost no more than one.
 */
export class RenderingRoom {
  readonly #whenFull: () => void
  readonly #waiting: { readonly bytes: number; readonly begin: (place: Place) => void }[] = []
  #renderings = 0
  #bytes = 0
  #asking: NodeJS.Timeout | undefined

  /** @param whenFull called again and again while somebody waits: whoever can shall let go of renderings */
  constructor(whenFull: () => void) {
    this.#whenFull = whenFull
  }

  /** Whether somebody waits. */
  get isFull(): boolean {
    return this.#waiting.length > 0
  }

  /**
   * Resolves once there is room, in the order of the calls.
   *
   * @param bytes how large the rendering is likely to be
   */
  take(bytes: number): Promise<Place> {
    const place = new Promise<Place>((begin) => this.#waiting.push({ bytes, begin }))
    this.#admit()
    if (this.isFull) this.#ask()
    return place
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#renderings >= ALWAYS && this.#bytes + next.bytes > MOST_BYTES) return
      this.#waiting.shift()
      next.begin(this.#placeOf(next.bytes))
    }
    clearInterval(this.#asking)
    this.#asking = undefined
  }

  #placeOf(expectedBytes: number): Place {
    let held = expectedBytes
    this.#renderings++
    this.#bytes += held
    const hold = (bytes: number): void => {
      this.#bytes += bytes - held
      held = bytes
      this.#admit()
    }
    return {
      hold,
      leave: () => {
        this.#renderings--
        hold(0)
      },
    }
  }

  #ask(): void {
    this.#asking ??= setInterval(this.#whenFull, ASK_AGAIN_MILLIS).unref()
    this.#whenFull()
  }
}
