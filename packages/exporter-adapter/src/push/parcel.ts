import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, StreamPoints } from '@otel-sluice/processor'
import { MetricDataBuilder } from '../metric-data.ts'

/**
 * - `pending`: not sent, or sent and known or feared not to have arrived.
 * - `sent`: an Export call is under way.
 * - the rest is final: `lost` because it was rejected or held at shutdown, `superseded` by newer cumulative points.
 */
export type BatchState = 'pending' | 'sent' | 'delivered' | 'lost' | 'superseded'

/** Some points of one stream: those from `from` on, up to and without `to`. */
interface Piece {
  readonly points: StreamPoints
  readonly from: number
  readonly to: number
}

/** One Export call's worth of a sealed parcel: fixed points, which become objects anew for each attempt. */
export class Batch {
  readonly temporality: AggregationTemporality
  /** How many data points. */
  readonly size: number
  state: BatchState = 'pending'
  /** Whether it may have arrived already, so that sending it again may double it at the receiver. */
  mayHaveArrived = false
  readonly #pieces: readonly Piece[]

  constructor(temporality: AggregationTemporality, pieces: readonly Piece[]) {
    this.temporality = temporality
    this.size = pieces.reduce((size, { from, to }) => size + to - from, 0)
    this.#pieces = pieces
  }

  get isFinished(): boolean {
    return this.state !== 'pending' && this.state !== 'sent'
  }

  async toResourceMetrics(reader: AttachedReader): Promise<ResourceMetrics> {
    const builder = new MetricDataBuilder()
    for (const { points, from, to } of this.#pieces) {
      await reader.inSlices(to - from, (i) => builder.add(points, from + i, this.temporality))
    }
    return builder.build(reader.resource)
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
  readonly #streams: readonly StreamPoints[]
  /** The delta section, then the cumulative one. */
  readonly batches: readonly Batch[]

  /**
   * @param delta points of the delta section, no longer written to by anyone
   * @param cumulative copies of the view's points
   * @param maxBatchSize most points of one batch
   */
  constructor(delta: readonly StreamPoints[], cumulative: readonly StreamPoints[], maxBatchSize: number) {
    this.#streams = [...delta, ...cumulative]
    this.deltaBatches = batchesOf(delta, AggregationTemporality.DELTA, maxBatchSize)
    this.batches = [...this.deltaBatches, ...batchesOf(cumulative, AggregationTemporality.CUMULATIVE, maxBatchSize)]
  }

  /** Lets go of the points. INVARIANT: all batches are finished, so that none is arranged any more. */
  release(): void {
    for (const points of this.#streams) points.release()
  }

  /** How many points are in batches that are not finished. */
  get pendingPoints(): number {
    return this.batches.reduce((points, batch) => (batch.isFinished ? points : points + batch.size), 0)
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

/** Cuts points into batches: full ones, and a last one. */
function batchesOf(
  streams: readonly StreamPoints[],
  temporality: AggregationTemporality,
  maxBatchSize: number,
): Batch[] {
  const batches: Batch[] = []
  let pieces: Piece[] = []
  let room = maxBatchSize
  for (const points of streams) {
    for (let from = 0; from < points.size; ) {
      const to = Math.min(points.size, from + room)
      pieces.push({ points, from, to })
      room -= to - from
      from = to
      if (room > 0) continue
      batches.push(new Batch(temporality, pieces))
      pieces = []
      room = maxBatchSize
    }
  }
  if (pieces.length > 0) batches.push(new Batch(temporality, pieces))
  return batches
}
