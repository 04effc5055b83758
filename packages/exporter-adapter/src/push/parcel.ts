import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, FoldedPoint } from '@otel-sluice/processor'
import { MetricDataBuilder } from '../metric-data.ts'

/**
 * - `pending`: not sent, or sent and known or feared not to have arrived.
 * - `sent`: an Export call is under way.
 * - the rest is final: `lost` because it was rejected or held at shutdown, `superseded` by newer cumulative points.
 */
export type BatchState = 'pending' | 'sent' | 'delivered' | 'lost' | 'superseded'

/** One Export call's worth of a sealed parcel: a fixed range of fixed points. */
export class Batch {
  readonly #points: readonly FoldedPoint[]
  readonly temporality: AggregationTemporality
  state: BatchState = 'pending'
  /** Whether it may have arrived already, so that sending it again may double it at the receiver. */
  mayHaveArrived = false

  constructor(points: readonly FoldedPoint[], temporality: AggregationTemporality) {
    this.#points = points
    this.temporality = temporality
  }

  /** How many data points. */
  get size(): number {
    return this.#points.length
  }

  get isFinished(): boolean {
    return this.state !== 'pending' && this.state !== 'sent'
  }

  /** Built anew for each attempt from points that never change: every attempt is identical, and none is held as objects. */
  async toResourceMetrics(reader: AttachedReader): Promise<ResourceMetrics> {
    const builder = new MetricDataBuilder()
    await reader.inSlices(this.#points, (point) => {
      builder.add(point.series, point.cell.intoValue(), point, this.temporality)
    })
    return builder.build(reader.resource)
  }
}

/**
 * What an adapter owes its exporter, sealed: an ordered list of batches whose points and timestamps never change.
 *
 * The delta section comes first and is resent until it is delivered. The cumulative section is worth sending only while
 * nothing newer is known.
 */
export class SealedParcel {
  readonly deltaBatches: readonly Batch[]
  /** The delta section, then the cumulative one. */
  readonly batches: readonly Batch[]

  /**
   * @param delta points of the delta section, no longer written to by anyone
   * @param cumulative copies of the view's points, stamped with its end
   * @param maxBatchSize most points of one batch
   */
  constructor(delta: readonly FoldedPoint[], cumulative: readonly FoldedPoint[], maxBatchSize: number) {
    const cut = (points: readonly FoldedPoint[], temporality: AggregationTemporality): Batch[] => {
      const batches: Batch[] = []
      for (let from = 0; from < points.length; from += maxBatchSize) {
        batches.push(new Batch(points.slice(from, from + maxBatchSize), temporality))
      }
      return batches
    }
    this.deltaBatches = cut(delta, AggregationTemporality.DELTA)
    this.batches = [...this.deltaBatches, ...cut(cumulative, AggregationTemporality.CUMULATIVE)]
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
