/** Rows per chunk, as a shift: a row lies in chunk `row >>> CHUNK_SHIFT` at `(row & CHUNK_MASK) * width`. */
export const CHUNK_SHIFT = 10
export const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1

const NOTHING = new Float64Array(0)

/**
 * A table of doubles with rows of one width, in which far rows can be used without paying for those before.
 *
 * It grows by chunks of 1024 rows, so that growing never copies more than one chunk; the first one starts small and
 * doubles. Chunks are read as `chunks[row >>> CHUNK_SHIFT]`, anew each time: growing replaces the first.
 *
 * Assumes that {@link reserve} was called for a row before it is read or written. What is not written yet is 0.
 */
export class Rows {
  readonly width: number
  readonly chunks: Float64Array[] = []

  constructor(width: number) {
    this.width = width
  }

  /** Makes room for a row. */
  reserve(row: number): void {
    const index = row >>> CHUNK_SHIFT
    while (this.chunks.length <= index) this.chunks.push(NOTHING)
    const chunk = this.chunks[index]!
    const needed = ((row & CHUNK_MASK) + 1) * this.width
    if (chunk.length < needed) this.#grow(index, chunk, needed)
  }

  #grow(index: number, chunk: Float64Array, needed: number): void {
    const full = this.width << CHUNK_SHIFT
    const grown = new Float64Array(index > 0 ? full : Math.min(full, Math.max(2 * chunk.length, needed)))
    grown.set(chunk)
    this.chunks[index] = grown
  }
}
