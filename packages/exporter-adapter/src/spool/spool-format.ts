import { serialize } from 'node:v8'
import { crc32 } from 'node:zlib'

/**
 * One entry of the spool as bytes, all numbers little-endian:
 *
 * ```
 *  0  8 bytes  'SLUICE\r\n'
 *  8  u16      format version
 * 10  u16      by how much the wire format of V8, which wrote the body, is above version 15
 * 12  u32      CRC-32 of bytes 0..11
 * 16  u32      points: what the body counts for, for whoever cannot read the body
 * 20  u32      length of the body in bytes
 * 24  u32      CRC-32 of bytes 0..23 and of the body
 * 28  body
 * ```
 *
 * INVARIANT: the first 16 bytes are the same in every version to come. They have a checksum of their own, so that a version
 * number that rotted is not taken for a newer format, which nobody would ever dare to touch. V8 reads what older versions of
 * it wrote, but not what newer ones did: a higher number in either half is a newer format.
 */
const MAGIC = Buffer.from('SLUICE\r\n', 'latin1')
const FORMAT_VERSION = 1
/** That of Node.js 20 to 24. */
const FIRST_WIRE_VERSION = 15
/** `v8.serialize` begins with 0xff and the version. */
const WIRE_VERSION = Math.max(FIRST_WIRE_VERSION, serialize(undefined)[1]!)
export const PREAMBLE_BYTES = 16
export const HEADER_BYTES = 28
const MAX_UINT32 = 2 ** 32 - 1

/** Far beyond what a process holds in memory. A file that claims more has rotted, and is not read into memory to find out. */
export const MAX_BODY_BYTES = 2 ** 30

/** A checksum runs at about 4 GB/s: slices of this size hold the event loop for about a millisecond. */
const SLICE_BYTES = 4 * 2 ** 20

export type DecodedEntry =
  | { readonly type: 'entry'; readonly body: Uint8Array; readonly points: number }
  | { readonly type: 'newer'; readonly version: number }
  /** With the points, where the header can be believed. */
  | { readonly type: 'unreadable'; readonly reason: string; readonly points: number | undefined }

/** Long work in pieces: it yields where the event loop may have its turn. */
export type Pausing<T> = Generator<'pause', T, unknown>

/** @throws RangeError for points that are not an integer of 32 bits, or a body of more than 1 GiB */
export function encodeEntry(body: Uint8Array, points: number): Uint8Array {
  return Buffer.concat([withoutPauses(encodeHeader(body, points)), body])
}

/** The header of an entry, to be followed by the body, which is not copied. Throws as {@link encodeEntry} does. */
export function* encodeHeader(body: Uint8Array, points: number): Pausing<Uint8Array> {
  if (!Number.isInteger(points) || points < 0 || points > MAX_UINT32) {
    throw new RangeError(`points: an integer of 32 bits, not ${points}`)
  }
  if (body.length > MAX_BODY_BYTES) {
    throw new RangeError(`body: at most ${MAX_BODY_BYTES} bytes, not ${body.length}`)
  }
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt16LE(FORMAT_VERSION, 8)
  header.writeUInt16LE(WIRE_VERSION - FIRST_WIRE_VERSION, 10)
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12)
  header.writeUInt32LE(points, 16)
  header.writeUInt32LE(body.length, 20)
  header.writeUInt32LE(yield* checksum(header, body), 24)
  return header
}

/** Never throws. The body is a view of `bytes`, not a copy. */
export function decodeEntry(bytes: Uint8Array): DecodedEntry {
  return withoutPauses(decodeInSlices(bytes))
}

export function* decodeInSlices(bytes: Uint8Array): Pausing<DecodedEntry> {
  const preamble = decodePreamble(bytes)
  if (preamble.type !== 'version') return preamble
  if (isNewer(preamble.version)) return { type: 'newer', version: preamble.version }
  if (bytes.length < HEADER_BYTES) return unreadable('it ends in its header')
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  const body = bytes.subarray(HEADER_BYTES)
  const length = header.readUInt32LE(20)
  const points = header.readUInt32LE(16)
  // Nothing but the checksum of the whole vouches for it. But a point takes more than a byte.
  const credible = points <= length ? points : undefined
  if (body.length !== length) return unreadable(`its body has ${body.length} bytes instead of ${length}`, credible)
  if ((yield* checksum(header, body)) !== header.readUInt32LE(24)) return unreadable('its checksum is wrong', credible)
  return { type: 'entry', body, points }
}

type Preamble = { readonly type: 'version'; readonly version: number } | Extract<DecodedEntry, { type: 'unreadable' }>

/** Whether a version is beyond what this program can read: that of the format, or that of V8. */
export function isNewer(version: number): boolean {
  return (version & 0xffff) > FORMAT_VERSION || version >>> 16 > WIRE_VERSION - FIRST_WIRE_VERSION
}

/** What the first 16 bytes say, which is enough to tell a newer format. Never throws. */
export function decodePreamble(bytes: Uint8Array): Preamble {
  if (bytes.length < PREAMBLE_BYTES) return unreadable(`it has ${bytes.length} bytes`)
  const preamble = Buffer.from(bytes.buffer, bytes.byteOffset, PREAMBLE_BYTES)
  if (!preamble.subarray(0, 8).equals(MAGIC)) return unreadable('it does not begin as an entry of the spool')
  if (crc32(preamble.subarray(0, 12)) !== preamble.readUInt32LE(12)) return unreadable('its version has rotted')
  const version = preamble.readUInt32LE(8)
  return version === 0 ? unreadable('there is no version 0') : { type: 'version', version }
}

/** Over everything but the checksum itself. */
function* checksum(header: Uint8Array, body: Uint8Array): Pausing<number> {
  let sum = crc32(header.subarray(0, 24))
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    if (at > 0) yield 'pause'
    sum = crc32(body.subarray(at, at + SLICE_BYTES), sum)
  }
  return sum
}

function withoutPauses<T>(work: Pausing<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

function unreadable(reason: string, points?: number): Extract<DecodedEntry, { type: 'unreadable' }> {
  return { type: 'unreadable', reason, points }
}
