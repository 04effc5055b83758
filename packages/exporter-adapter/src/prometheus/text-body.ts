/** Large enough that a body has few, small enough to be kept and used again. */
const CHUNK_BYTES = 256 * 1024
/** Most bytes that are kept for the next body. */
const KEPT_BYTES = 16 * 1024 * 1024

/** How much may be written beyond what was asked to be copied: see {@link copyBytes}. */
export const SLACK_BYTES = 4
/** From here on one call is faster than a loop. */
const LONG_BYTES = 128

/** The most that one number takes: `-1.2345678901234567e-308`. */
export const NUMBER_BYTES = 24

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
  readonly #lengths: number[] = []
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
    this.#chunks.push(this.chunk)
    this.#lengths.push(this.at)
    this.chunk = this.#pool.take(bytes + SLACK_BYTES)
    this.view = viewOf(this.chunk)
    this.at = 0
  }

  /** Writes text where speed does not matter. */
  text(text: string): void {
    this.reserve(3 * text.length)
    this.at += this.chunk.write(text, this.at, 'utf8')
  }

  /** Writes bytes of which there may be any number. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.chunk.set(bytes, this.at)
    this.at += bytes.length
  }

  /** What has been written, in order. */
  parts(): Uint8Array[] {
    const whole = this.#chunks.map((chunk, i) => chunk.subarray(0, this.#lengths[i]!))
    return this.at === 0 ? whole : [...whole, this.chunk.subarray(0, this.at)]
  }

  /** Nobody reads it any more. */
  release(): void {
    for (const chunk of this.#chunks) this.#pool.give(chunk)
    this.#pool.give(this.chunk)
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

const ZERO = 48
const MINUS = 45

/**
 * Writes a number as the text formats read it, as few digits as say it exactly. Needs {@link NUMBER_BYTES} of room.
 *
 * @returns where it ends
 */
export function writeNumber(into: Uint8Array, at: number, value: number): number {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeInteger(into, at, value)
  const text = numberText(value)
  for (let i = 0; i < text.length; i++) into[at++] = text.charCodeAt(i)
  return at
}

export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

function writeInteger(into: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    into[at++] = MINUS
    value = -value
  }
  // Small integers are divided without floating point.
  if (value <= 0x3fffffff) return writeSmall(into, at, value, digitsIn(value))
  const high = Math.floor(value / 1e9)
  const low = value - high * 1e9
  return writeSmall(into, writeInteger(into, at, high), low, 9)
}

function writeSmall(into: Uint8Array, at: number, value: number, digits: number): number {
  const end = at + digits
  let rest = value | 0
  for (let i = end - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0
    into[i] = ZERO + rest - tenth * 10
    rest = tenth
  }
  return end
}

function digitsIn(value: number): number {
  if (value < 10) return 1
  if (value < 100) return 2
  if (value < 1000) return 3
  if (value < 10_000) return 4
  if (value < 100_000) return 5
  if (value < 1_000_000) return 6
  if (value < 10_000_000) return 7
  if (value < 100_000_000) return 8
  return value < 1_000_000_000 ? 9 : 10
}
