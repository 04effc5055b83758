import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { TextBody } from './text-body.ts'

/** A body, and who reads it. */
export class Rendering {
  readonly points: number
  readonly parts: readonly Uint8Array[]
  readonly #body: TextBody
  #readers: number
  #gzipped: Promise<readonly Uint8Array[]> | undefined

  /** @param readers how many will {@link release} it */
  constructor({ body, points }: { readonly body: TextBody; readonly points: number }, readers: number) {
    this.#body = body
    this.points = points
    this.parts = body.parts()
    this.#readers = readers
  }

  /** The body compressed, by threads of libuv, once for all who want it. The parts must not be released before. */
  gzipped(): Promise<readonly Uint8Array[]> {
    this.#gzipped ??= gzip(this.parts)
    return this.#gzipped
  }

  /** None of them will read it. */
  releaseAll(): void {
    this.#readers = 0
    this.#body.release()
  }

  /** One of its readers is done: its chunks are used again after the last of them. */
  release(): void {
    this.#readers--
    if (this.#readers === 0) this.#body.release()
  }
}

/** Fast rather than small: level 1 makes a twentieth of such text. */
async function gzip(parts: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const compressed: Uint8Array[] = []
  await pipeline(Readable.from(parts), createGzip({ level: constants.Z_BEST_SPEED }), async (pieces) => {
    for await (const piece of pieces) compressed.push(piece as Uint8Array)
  })
  return compressed
}
