import { deserialize, serialize } from 'node:v8'
import type { Attributes } from '@opentelemetry/api'
import type { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { PointValue } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import { reasonOf } from '../reason.ts'
import { codeOf, SpoolError } from '../spool/spool-errors.ts'
import { clonableFields } from './clonable.ts'
import type { Progress } from './progress.ts'

/** Points that are written at a time, so that long work can give way in between. */
const PIECE_SIZE = 32

/** The parts of a resource that go to exporters. */
export interface RecordedResource {
  readonly attributes: Attributes
  readonly schemaUrl: string | undefined
}

/** A parcel on disk: all there is to send it again just as it would have been sent then. */
export interface ParcelRecord {
  /** Tells the progress of one parcel from that of others. */
  readonly id: string
  readonly resource: RecordedResource
  readonly temporality: AggregationTemporality
  /** How the points are cut into batches. */
  readonly maxBatchSize: number
  readonly streams: readonly Points[]
}

/** What can be told of a parcel without looking at its points. */
export interface ParcelOutline extends Pick<ParcelRecord, 'id' | 'temporality' | 'maxBatchSize'> {
  /** How many. */
  readonly points: number
}

/** What a body begins with; the points follow, stream by stream, in pieces. */
interface Head extends Omit<ParcelRecord, 'streams'> {
  readonly streams: readonly (Points['stream'] & { readonly size: number })[]
}

interface Piece {
  readonly attributes: Attributes[]
  readonly starts: number[]
  readonly ends: number[]
  readonly values: PointValue[]
}

/** Calls `work` for each number below `count`, and may give way in between. */
export type InSlices<Done> = (count: number, work: (index: number) => void) => Done

/**
 * The bytes of a parcel. Plain values as `v8.serialize` writes them, which is exact for every number there is, each with its
 * length before it.
 */
export async function encodeParcel(record: ParcelRecord, inSlices: InSlices<Promise<void>>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [headOf(record)]
  for (const points of record.streams) {
    await inSlices(pieceCount(points.size), (piece) => parts.push(pieceOf(points, piece * PIECE_SIZE)))
  }
  return joined(parts)
}

/** The same, without giving way: for the end of a process. */
export function encodeParcelAtOnce(record: ParcelRecord): Uint8Array {
  const parts: Uint8Array[] = [headOf(record)]
  for (const points of record.streams) {
    for (let from = 0; from < points.size; from += PIECE_SIZE) parts.push(pieceOf(points, from))
  }
  return joined(parts)
}

/** @throws SpoolError `UNREADABLE` when these are not the bytes of a parcel: another program wrote them, as their checksum is right */
export function decodeOutline(bytes: Uint8Array): ParcelOutline {
  return decoding(() => {
    const { id, temporality, maxBatchSize, streams } = headIn(partsOf(bytes).next().value)
    return { id, temporality, maxBatchSize, points: streams.reduce((points, { size }) => points + size, 0) }
  })
}

/**
 * The points stay bytes, and become objects a few at a time as they are asked for, which throws the same.
 *
 * @throws SpoolError `UNREADABLE` as {@link decodeOutline}
 */
export function decodeParcel(bytes: Uint8Array): ParcelRecord {
  return decoding(() => {
    const parts = partsOf(bytes)
    const { streams, ...head } = headIn(parts.next().value)
    const reading = new PieceReading()
    const pieces = streams.flatMap(({ size, ...stream }) =>
      Array.from({ length: pieceCount(size) }, (_, i) => {
        const part = parts.next().value
        if (part === undefined) throw new Error('it ends before its points do')
        return new RecordedPoints(stream, Math.min(PIECE_SIZE, size - i * PIECE_SIZE), part, reading)
      }),
    )
    return { ...head, streams: pieces }
  })
}

/** What {@link joined} has joined. */
function* partsOf(bytes: Uint8Array): Generator<Uint8Array, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + view.getUint32(at)
    if (end > bytes.length) throw new Error('it ends within a piece')
    yield bytes.subarray(at + 4, end)
    at = end
  }
}

function headIn(part: Uint8Array | undefined): Head {
  if (part === undefined) throw new Error('it is empty')
  const head = deserialize(part) as Head
  const { id, maxBatchSize, temporality, resource, streams } = head
  const isOfParcel =
    typeof id === 'string' && maxBatchSize >= 1 && typeof temporality === 'number' && isObject(resource?.attributes)
  const areStreams = streams.every(
    ({ size, scope, descriptor, aggregation }) =>
      Number.isInteger(size) && size >= 0 && isObject(scope) && isObject(descriptor) && isObject(aggregation),
  )
  if (!isOfParcel || !areStreams) throw new Error('it does not begin as a parcel')
  return head
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** Whatever is thrown at bytes with a right checksum says that they never will be readable. */
function decoding<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (codeOf(error) === 'UNREADABLE') throw error
    throw new SpoolError('decode', 'a parcel', reasonOf(error), { code: 'UNREADABLE' })
  }
}

/** How far the delivery of a parcel is, and of which: what is left of one that was delivered must not be taken for that of the next. */
export interface ProgressRecord extends Progress {
  readonly id: string
}

export function encodeProgress(progress: ProgressRecord): Uint8Array {
  return serialize(progress)
}

/** @throws SpoolError `UNREADABLE` when these are not the bytes of a progress */
export function decodeProgress(bytes: Uint8Array): ProgressRecord {
  return decoding(() => {
    const progress = deserialize(bytes) as ProgressRecord
    const { id, sizes, finished } = progress
    if (typeof id !== 'string' || !Array.isArray(sizes) || !Array.isArray(finished))
      throw new Error('it is no progress')
    return progress
  })
}

/** The one piece of a parcel that is there as objects. */
class PieceReading {
  #part: Uint8Array | undefined
  #piece: (Omit<Piece, 'attributes'> & Pick<Points, 'series'>) | undefined

  pieceIn(part: Uint8Array, size: number) {
    if (this.#piece === undefined || this.#part !== part) {
      this.#piece = decoding(() => {
        const { attributes, starts, ends, values } = deserialize(part) as Piece
        if ([attributes, starts, ends, values].some(({ length }) => length !== size))
          throw new Error('a piece of it does not have the points that it should')
        return { series: attributes.map((each) => ({ attributes: each })), starts, ends, values }
      })
      this.#part = part
    }
    return this.#piece
  }
}

/** The points of one piece, of many in a row that have their stream in common. */
class RecordedPoints implements Points {
  readonly stream: Points['stream']
  readonly size: number
  readonly #part: Uint8Array
  readonly #reading: PieceReading

  constructor(stream: Points['stream'], size: number, part: Uint8Array, reading: PieceReading) {
    this.stream = stream
    this.size = size
    this.#part = part
    this.#reading = reading
  }

  get series(): Points['series'] {
    return this.#piece.series
  }

  valueOf(index: number): PointValue {
    return this.#piece.values[index]!
  }

  startUnixMicrosOf(index: number): number {
    return this.#piece.starts[index]!
  }

  endUnixMicrosOf(index: number): number {
    return this.#piece.ends[index]!
  }

  get #piece() {
    return this.#reading.pieceIn(this.#part, this.size)
  }
}

function pieceCount(size: number): number {
  return Math.ceil(size / PIECE_SIZE)
}

function headOf({ streams, ...rest }: ParcelRecord): Uint8Array {
  const head: Head = {
    ...rest,
    streams: streams.map(({ stream: { scope, descriptor, aggregation }, size }) => ({
      scope: { ...scope },
      descriptor: { ...descriptor },
      aggregation: { ...aggregation },
      size,
    })),
  }
  try {
    return serialize(head)
  } catch {
    return serialize(clonableHead(head))
  }
}

function clonableHead({ resource, streams, ...rest }: Head): Head {
  return {
    ...rest,
    resource: { ...resource, attributes: clonableFields(resource.attributes, 'the resource') },
    streams: streams.map(({ scope, descriptor, ...stream }) => ({
      ...stream,
      scope: clonableFields(scope, `scope "${scope.name}"`),
      descriptor: clonableFields(descriptor, `metric "${descriptor.name}"`),
    })),
  }
}

function pieceOf(points: Points, from: number): Uint8Array {
  const piece: Piece = { attributes: [], starts: [], ends: [], values: [] }
  for (let i = from; i < Math.min(points.size, from + PIECE_SIZE); i++) {
    piece.attributes.push(points.series[i]!.attributes)
    piece.starts.push(points.startUnixMicrosOf(i))
    piece.ends.push(points.endUnixMicrosOf(i))
    piece.values.push(points.valueOf(i))
  }
  try {
    return serialize(piece)
  } catch {
    const owner = `metric "${points.stream.descriptor.name}"`
    return serialize({ ...piece, attributes: piece.attributes.map((each) => clonableFields(each, owner)) })
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + 4 + part.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const part of parts) {
    view.setUint32(at, part.length)
    bytes.set(part, at + 4)
    at += 4 + part.length
  }
  return bytes
}
