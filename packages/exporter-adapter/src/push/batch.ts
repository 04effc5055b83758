import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader } from '@otel-sluice/processor'
import type { MetricDataBuilder, Points } from '../metric-data.ts'

/**
 * - `pending`: not sent, or sent and known or feared not to have arrived.
 * - `sent`: an Export call is under way.
 * - the rest is final: `lost` because it was rejected or held at shutdown, `superseded` by newer cumulative points.
 */
export type BatchState = 'pending' | 'sent' | 'delivered' | 'lost' | 'superseded'

/** Some points of one stream: those from `from` on, up to and without `to`. */
export interface Piece {
  readonly points: Points
  readonly from: number
  readonly to: number
}

/** The points of one batch. */
export interface BatchContent {
  readonly pieces: readonly Piece[]
  /** Default: the reader's. */
  readonly resource?: ResourceMetrics['resource']
}

/** At most one Export call's worth of points, fixed; they become objects anew for each attempt. */
export class Batch {
  readonly temporality: AggregationTemporality
  /** The number of data points in this batch. */
  readonly size: number
  /** All batches of its section, in order: where it is replaced when it is split. */
  readonly section: Batch[]
  state: BatchState = 'pending'
  /** Whether it may have arrived already, so that sending it again may double its values at the receiver. */
  mayHaveArrived = false
  /** The number of Export calls that hold this batch and have neither settled nor been given up. */
  callsOut = 0
  /** The number of the call that it was in last. */
  lastCall = 0
  /** How often its outcome was unknown, and when it may be sent again after that, in the time of `performance.now()`. */
  unknownOutcomes = 0
  notBeforeMillis = Number.NEGATIVE_INFINITY
  /** What it sends, while that is in memory. */
  content: BatchContent | undefined

  constructor(temporality: AggregationTemporality, size: number, section: Batch[], content?: BatchContent) {
    this.temporality = temporality
    this.size = size
    this.section = section
    this.content = content
  }

  get isFinished(): boolean {
    return this.state !== 'pending' && this.state !== 'sent'
  }

  /** Whether it is to be sent, and is known not to have arrived. */
  get isUntried(): boolean {
    return this.state === 'pending' && !this.mayHaveArrived
  }

  /** It was sent, and nobody knows what became of it. Cumulative points cannot be counted twice. */
  markUnknown(): void {
    if (this.temporality === AggregationTemporality.DELTA) this.mayHaveArrived = true
  }

  /** @throws Error while its points are not in memory */
  async addTo(builder: MetricDataBuilder, reader: AttachedReader): Promise<void> {
    const { content } = this
    if (content === undefined) throw new Error('a batch is sent while its points are not in memory')
    for (const { points, from, to } of content.pieces) {
      await reader.inSlices(to - from, (i) => builder.add(points, from + i, this.temporality))
    }
  }

  /** Puts two halves in its place, with the same points and times. Not for a batch of one point. */
  split(): void {
    const sizes = [Math.ceil(this.size / 2), Math.floor(this.size / 2)]
    const contents = this.content && partsOf(this.content, sizes)
    const halves = sizes.map((size, i) => {
      const half = new Batch(this.temporality, size, this.section, contents?.[i])
      half.mayHaveArrived = this.mayHaveArrived
      if (this.callsOut > 0) half.markUnknown()
      return half
    })
    // From here on the answers of other calls that hold this batch change nothing.
    this.state = 'superseded'
    this.section.splice(this.section.indexOf(this), 1, ...halves)
  }
}

function partsOf({ pieces, resource }: BatchContent, sizes: readonly number[]): BatchContent[] {
  return cutPieces(pieces, sizes).map((part) => ({ pieces: part, ...(resource !== undefined && { resource }) }))
}

/** Cuts points, stream by stream, into parts of these sizes, which add up to all of them. */
export function cut(streams: readonly Points[], sizes: readonly number[]): Piece[][] {
  return cutPieces(
    streams.map((points) => ({ points, from: 0, to: points.size })),
    sizes,
  )
}

function cutPieces(pieces: readonly Piece[], sizes: readonly number[]): Piece[][] {
  const parts: Piece[][] = sizes.map(() => [])
  let part = 0
  let room = sizes[0] ?? 0
  for (const { points, from, to } of pieces) {
    for (let at = from; at < to; ) {
      const end = Math.min(to, at + room)
      parts[part]!.push({ points, from: at, to: end })
      room -= end - at
      at = end
      if (room === 0) room = sizes[++part] ?? 0
    }
  }
  return parts
}
