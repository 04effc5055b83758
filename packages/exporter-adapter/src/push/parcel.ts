import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, FoldedPoint } from '@otel-sluice/processor'
import { MetricDataBuilder } from '../metric-data.ts'

/**
 * - `pending`: not sent, or sent and known or feared not to have arrived.
 * - `sent`: an Export call is under way.
 * - the rest is final: `lost` because it was rejected or held at shutdown, `superseded` by newer cumulative points.
 */
export type BatchState = 'pending' | 'sent' | 'delivered' | 'lost' | 'superseded'

/** One Export call's worth of a sealed parcel: fixed points. */
export class Batch {
  readonly temporality: AggregationTemporality
  /** How many data points. */
  readonly size: number
  state: BatchState = 'pending'
  /** Whether it may have arrived already, so that sending it again may double it at the receiver. */
  mayHaveArrived = false
  readonly #arrange: (reader: AttachedReader) => Promise<MetricDataBuilder>

  /** @param arrange called for each attempt; the points it gives never change */
  constructor(
    temporality: AggregationTemporality,
    size: number,
    arrange: (reader: AttachedReader) => Promise<MetricDataBuilder>,
  ) {
    this.temporality = temporality
    this.size = size
    this.#arrange = arrange
  }

  get isFinished(): boolean {
    return this.state !== 'pending' && this.state !== 'sent'
  }

  async toResourceMetrics(reader: AttachedReader): Promise<ResourceMetrics> {
    return (await this.#arrange(reader)).build(reader.resource)
  }
}

/**
 * What an adapter owes its exporter, sealed: an ordered list of batches whose points and timestamps never change.
 *
 * The delta section comes first and is resent until it is delivered: it holds cells, which become data points batch by
 * batch and anew for each attempt, so that an outage does not hold objects. The cumulative section is worth sending only
 * while nothing newer is known, and so only once: it is arranged from the start.
 */
export class SealedParcel {
  readonly deltaBatches: readonly Batch[]
  /** The delta section, then the cumulative one. */
  readonly batches: readonly Batch[]

  /**
   * @param delta points of the delta section, no longer written to by anyone
   * @param cumulative copies of the view's points, stamped with its end; a batch each
   * @param maxBatchSize most points of one batch
   */
  constructor(delta: readonly FoldedPoint[], cumulative: readonly MetricDataBuilder[], maxBatchSize: number) {
    const deltaBatches: Batch[] = []
    for (let from = 0; from < delta.length; from += maxBatchSize) {
      deltaBatches.push(deltaBatch(delta.slice(from, from + maxBatchSize)))
    }
    this.deltaBatches = deltaBatches
    this.batches = [
      ...deltaBatches,
      ...cumulative.map(
        (arranged) => new Batch(AggregationTemporality.CUMULATIVE, arranged.size, async () => arranged),
      ),
    ]
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

function deltaBatch(points: readonly FoldedPoint[]): Batch {
  return new Batch(AggregationTemporality.DELTA, points.length, async (reader) => {
    const builder = new MetricDataBuilder()
    await reader.inSlices(points, (point) => {
      builder.add(point.series, point.cell.intoValue(), point, AggregationTemporality.DELTA)
    })
    return builder
  })
}
