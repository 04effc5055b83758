import { deserialize, serialize } from 'node:v8'
import type { Attributes } from '@opentelemetry/api'
import type { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { PointValue } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import { clonableFields } from './clonable.ts'

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

/** @throws Error when these are not the bytes of a parcel: what wrote them is another program, as their checksum is right */
export function decodeParcel(bytes: Uint8Array): ParcelRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const next = (): unknown => {
    const length = view.getUint32(at)
    at += 4 + length
    return deserialize(bytes.subarray(at - length, at))
  }
  const { streams, ...head } = next() as Head
  return {
    ...head,
    streams: streams.map(({ size, ...stream }) => {
      const pieces = Array.from({ length: pieceCount(size) }, () => next() as Piece)
      return new RecordedPoints(stream, pieces)
    }),
  }
}

/** How far the delivery of a parcel is. */
export interface Progress {
  /** Which parcel: what is left of one that was delivered must not be taken for that of the next. */
  readonly id: string
  /** Batches, by their place in the parcel. */
  readonly finished: readonly number[]
}

export function encodeProgress(progress: Progress): Uint8Array {
  return serialize(progress)
}

/** @throws Error when these are not the bytes of a progress */
export function decodeProgress(bytes: Uint8Array): Progress {
  return deserialize(bytes) as Progress
}

/** Points as they were read back. */
class RecordedPoints implements Points {
  readonly stream: Points['stream']
  readonly series: Points['series']
  readonly #starts: readonly number[]
  readonly #ends: readonly number[]
  readonly #values: readonly PointValue[]

  constructor(stream: Points['stream'], pieces: readonly Piece[]) {
    this.stream = stream
    this.series = pieces.flatMap((piece) => piece.attributes.map((attributes) => ({ attributes })))
    this.#starts = pieces.flatMap((piece) => piece.starts)
    this.#ends = pieces.flatMap((piece) => piece.ends)
    this.#values = pieces.flatMap((piece) => piece.values)
  }

  get size(): number {
    return this.series.length
  }

  valueOf(index: number): PointValue {
    return this.#values[index]!
  }

  startUnixMicrosOf(index: number): number {
    return this.#starts[index]!
  }

  endUnixMicrosOf(index: number): number {
    return this.#ends[index]!
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
