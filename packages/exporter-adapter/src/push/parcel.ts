import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, StreamPoints } from '@otel-sluice/processor'
import { MetricDataBuilder, type Points } from '../metric-data.ts'

/**
 * - `pending`: not sent, or sent and known or feared not to have arrived.
 * - `sent`: an Export call is under way.
 * - the rest is final: `lost` because it was rejected or held at shutdown, `superseded` by newer cumulative points.
 */
export type BatchState = 'pending' | 'sent' | 'delivered' | 'lost' | 'superseded'

/** Some points of one stream: those from `from` on, up to and without `to`. */
interface Piece {
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

/** One Export call's worth of a sealed parcel: fixed points, which become objects anew for each attempt. */
export class Batch {
  readonly temporality: AggregationTemporality
  /** How many data points. */
  readonly size: number
  state: BatchState = 'pending'
  /** Whether it may have arrived already, so that sending it again may double it at the receiver. */
  mayHaveArrived = false
  /** What it sends, while that is in memory. */
  content: BatchContent | undefined

  constructor(temporality: AggregationTemporality, size: number, content?: BatchContent) {
    this.temporality = temporality
    this.size = size
    this.content = content
  }

  get isFinished(): boolean {
    return this.state !== 'pending' && this.state !== 'sent'
  }

  async toResourceMetrics(reader: AttachedReader): Promise<ResourceMetrics> {
    const { content } = this
    if (content === undefined) throw new Error('a batch is sent while its points are not in memory')
    const builder = new MetricDataBuilder()
    for (const { points, from, to } of content.pieces) {
      await reader.inSlices(to - from, (i) => builder.add(points, from + i, this.temporality))
    }
    return builder.build(content.resource ?? reader.resource)
  }
}

/**
 * What an adapter owes its exporter, sealed: an ordered list of batches whose points and timestamps never change.
 *
 * The delta section comes first and is resent until it is delivered. The cumulative section is worth sending only while
 * nothing newer is known, and so only once. Both are columns of numbers: an outage does not hold objects.
 */
export class SealedParcel {
  readonly deltaBatches: readonly Batch[]
  /** The points of the delta section. */
  readonly delta: readonly StreamPoints[]
  readonly cumulativeBatches: readonly Batch[]
  /** The delta section, then the cumulative one. */
  readonly batches: readonly Batch[]

  /**
   * @param delta points of the delta section, no longer written to by anyone
   * @param cumulative copies of the view's points
   * @param maxBatchSize most points of one batch
   */
  constructor(delta: readonly StreamPoints[], cumulative: readonly StreamPoints[], maxBatchSize: number) {
    this.delta = delta
    this.deltaBatches = batchesOf(delta, AggregationTemporality.DELTA, maxBatchSize)
    this.cumulativeBatches = batchesOf(cumulative, AggregationTemporality.CUMULATIVE, maxBatchSize)
    this.batches = [...this.deltaBatches, ...this.cumulativeBatches]
  }

  /** How many points are in batches that are not finished. */
  get pendingPoints(): number {
    return pendingPointsIn(this.batches)
  }

  /** Marks the cumulative batches that were not sent as replaced by newer points; returns how many points that were. */
  supersedeCumulative(): number {
    let points = 0
    for (const batch of this.batches) {
      if (batch.temporality === AggregationTemporality.CUMULATIVE && batch.state === 'pending') {
        batch.state = 'superseded'
        points += batch.size
      }
    }
    return points
  }
}

/** How many points are in those that are not finished. */
export function pendingPointsIn(batches: readonly Batch[]): number {
  return batches.reduce((points, batch) => (batch.isFinished ? points : points + batch.size), 0)
}

function batchesOf(
  streams: readonly Points[],
  temporality: AggregationTemporality,
  maxBatchSize: number,
): readonly Batch[] {
  return cut(streams, maxBatchSize).map((pieces) => {
    const size = pieces.reduce((sum, { from, to }) => sum + to - from, 0)
    return new Batch(temporality, size, { pieces })
  })
}

/** Cuts points into batches: full ones, and a last one. */
export function cut(streams: readonly Points[], maxBatchSize: number): Piece[][] {
  const batches: Piece[][] = []
  let pieces: Piece[] = []
  let room = maxBatchSize
  for (const points of streams) {
    for (let from = 0; from < points.size; ) {
      const to = Math.min(points.size, from + room)
      pieces.push({ points, from, to })
      room -= to - from
      from = to
      if (room > 0) continue
      batches.push(pieces)
      pieces = []
      room = maxBatchSize
    }
  }
  if (pieces.length > 0) batches.push(pieces)
  return batches
}
