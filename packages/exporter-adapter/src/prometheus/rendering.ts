import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { Readers } from './readers.ts'
import type { Place } from './rendering-room.ts'
import type { TextBody } from './text-body.ts'

/**
 * A body for all who read it, and the same compressed.
 *
 * INVARIANT: the chunks of the body are used again only when nobody reads them: no reader that was given them, and no
 * compression, which goes on even where nobody waits for it any more.
 */
export class Rendering {
  readonly points: number
  /** As it is. */
  readonly bytes: number
  readonly #parts: readonly Uint8Array[]
  readonly #body: TextBody
  readonly #place: Place
  #compression: Promise<number> | undefined
  #compressed: readonly Uint8Array[] | undefined
  #isReadAsItIs = false
  #isBodyReleased = false

  constructor({ body, points }: { readonly body: TextBody; readonly points: number }, readers: Readers, place: Place) {
    this.points = points
    this.#parts = body.parts()
    this.bytes = bytesOf(this.#parts)
    this.#body = body
    this.#place = place
    place.hold(this.bytes)
    readers.close(() => {
      if (this.#compression === undefined) this.#release()
      else this.#compression.then(() => this.#release())
    })
  }

  /**
   * Compresses it, by threads of libuv and once for all. Where that fails it stays as it is. Never rejects.
   *
   * @returns how long it took, in ms
   */
  compress(): Promise<number> {
    this.#compression ??= this.#compress()
    return this.#compression
  }

  /** What a reader gets: compressed if it is by now. */
  read(): { readonly chunks: readonly Uint8Array[]; readonly bytes: number; readonly isGzipped: boolean } {
    if (this.#compressed !== undefined) {
      return { chunks: this.#compressed, bytes: bytesOf(this.#compressed), isGzipped: true }
    }
    this.#isReadAsItIs = true
    return { chunks: this.#parts, bytes: this.bytes, isGzipped: false }
  }

  async #compress(): Promise<number> {
    const startedMillis = performance.now()
    try {
      this.#compressed = await gzip(this.#parts)
      // Whoever comes from now on gets that.
      if (!this.#isReadAsItIs) this.#releaseBody()
      this.#place.hold(bytesOf(this.#compressed) + (this.#isReadAsItIs ? this.bytes : 0))
    } catch {}
    return performance.now() - startedMillis
  }

  #release(): void {
    this.#releaseBody()
    this.#place.leave()
  }

  #releaseBody(): void {
    if (this.#isBodyReleased) return
    this.#isBodyReleased = true
    this.#body.release()
  }
}

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0)
}

/** Fast rather than small: level 1 makes a twentieth of such text. */
async function gzip(parts: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const compressed: Uint8Array[] = []
  await pipeline(Readable.from(parts), createGzip({ level: constants.Z_BEST_SPEED }), async (pieces) => {
    for await (const piece of pieces) compressed.push(piece as Uint8Array)
  })
  return compressed
}
