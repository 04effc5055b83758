import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { StreamPoints } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import { Batch, cut } from './batch.ts'
import { pointsIn } from './held-points.ts'

/**
 * What an adapter owes its exporter since one moment, sealed: batches whose points and timestamps never change. A batch that
 * is too large for the receiver is replaced by two.
 *
 * The delta section is resent until it is delivered. The cumulative section is worth sending only while nothing newer is known.
 * Both are columns of numbers: an outage does not hold objects.
 */
export class SealedParcel {
  /** The points of the delta section. */
  readonly delta: readonly StreamPoints[]
  readonly deltaBatches: Batch[]
  readonly cumulativeBatches: Batch[]

  /**
   * @param delta points of the delta section, no longer written to by anyone
   * @param cumulative copies of the view's points
   * @param maxBatchSize most points of one batch
   */
  constructor(delta: readonly StreamPoints[], cumulative: readonly StreamPoints[], maxBatchSize: number) {
    this.delta = delta
    this.deltaBatches = batchesOf(delta, AggregationTemporality.DELTA, maxBatchSize)
    this.cumulativeBatches = batchesOf(cumulative, AggregationTemporality.CUMULATIVE, maxBatchSize)
  }

  /** How many points of the delta section are in batches that are not finished. */
  get pendingDelta(): number {
    return pendingPointsIn(this.deltaBatches)
  }

  get isDeltaFinished(): boolean {
    return this.deltaBatches.every(({ isFinished }) => isFinished)
  }
}

/** How many points are in those that are not finished. */
export function pendingPointsIn(batches: readonly Batch[]): number {
  return batches.reduce((points, batch) => (batch.isFinished ? points : points + batch.size), 0)
}

function batchesOf(streams: readonly Points[], temporality: AggregationTemporality, maxBatchSize: number): Batch[] {
  const sizes = sizesOf(pointsIn(streams), maxBatchSize)
  const batches: Batch[] = []
  for (const [i, pieces] of cut(streams, sizes).entries()) {
    batches.push(new Batch(temporality, sizes[i]!, batches, { pieces }))
  }
  return batches
}

/** Full batches, and a last one. */
export function sizesOf(points: number, maxBatchSize: number): number[] {
  return Array.from({ length: Math.ceil(points / maxBatchSize) }, (_, i) =>
    Math.min(maxBatchSize, points - i * maxBatchSize),
  )
}
