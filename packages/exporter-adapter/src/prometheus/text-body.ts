/** Large enough that a body has few, small enough to be kept and used again. */
const CHUNK_BYTES = 256 * 1024
/** Most bytes that are kept for the next body. */
const KEPT_BYTES = 16 * 1024 * 1024

/** How much may be written beyond what was asked to be copied: see {@link copyBytes}. */
export const SLACK_BYTES = 4
/** From here on one call is faster than a loop. */
const LONG_BYTES = 128

/** Chunks of bodies that are done with, for the next ones: a body of 100,000 series is 10 MB and more. */
export class ChunkPool {
  readonly #free: Buffer[] = []

  take(bytes: number): Buffer {
    if (bytes > CHUNK_BYTES) return Buffer.allocUnsafeSlow(bytes)
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }

  give(chunk: Buffer): void {
    if (chunk.length === CHUNK_BYTES && this.#free.length < KEPT_BYTES / CHUNK_BYTES) this.#free.push(chunk)
  }
}

/**
 * Bytes that grow by chunks. Whoever writes calls {@link reserve} and then writes into {@link chunk} from {@link at} on, which
 * it moves: nothing is called per byte.
 */
export class TextBody {
  readonly #pool: ChunkPool
  readonly #chunks: Buffer[] = []
  readonly #parts: Uint8Array[] = []
  /** Where in the chunk the part begins that is being written. */
  #from = 0
  chunk: Buffer
  /** Of the same bytes. */
  view: DataView
  at = 0

  constructor(pool: ChunkPool) {
    this.#pool = pool
    this.chunk = pool.take(0)
    this.view = viewOf(this.chunk)
  }

  /** Makes room for so many bytes in one piece. */
  reserve(bytes: number): void {
    if (this.at + bytes + SLACK_BYTES <= this.chunk.length) return
    this.#endPart()
    this.#chunks.push(this.chunk)
    this.#from = 0
    this.chunk = this.#pool.take(bytes + SLACK_BYTES)
    this.view = viewOf(this.chunk)
    this.at = 0
  }

  /** Writes text where speed does not matter. */
  text(text: string): void {
    this.reserve(3 * text.length)
    this.at += this.chunk.write(text, this.at, 'utf8')
  }

  /** Writes bytes. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.chunk.set(bytes, this.at)
    this.at += bytes.length
  }

  /** The same without a copy: whoever gives them must not change them. */
  adopt(bytes: Uint8Array): void {
    this.#endPart()
    this.#parts.push(bytes)
  }

  /** What has been written, in order. */
  parts(): readonly Uint8Array[] {
    this.#endPart()
    return this.#parts
  }

  /** Nobody reads it any more. */
  release(): void {
    for (const chunk of this.#chunks) this.#pool.give(chunk)
    this.#pool.give(this.chunk)
  }

  #endPart(): void {
    if (this.at > this.#from) this.#parts.push(this.chunk.subarray(this.#from, this.at))
    this.#from = this.at
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Copies bytes four at a time, which for short pieces takes half as long as any call there is. Up to three bytes beyond the
 * end are written, and read, too.
 *
 * @returns where the copy ends
 */
export function copyBytes(from: DataView, start: number, length: number, into: DataView, at: number): number {
  for (let i = 0; i < length; i += 4) into.setInt32(at + i, from.getInt32(start + i, true), true)
  return at + length
}

/** The same for pieces of any length. */
export function copyLong(from: Buffer, start: number, length: number, into: Buffer, at: number): number {
  from.copy(into, at, start, start + length)
  return at + length
}

export function isLong(length: number): boolean {
  return length > LONG_BYTES
}
