import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, StreamPoints } from '@otel-sluice/processor'
import { MetricDataBuilder, type Points } from '../metric-data.ts'
import type { FoundParcel } from './left-parcels.ts'

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

/** One Export call's worth of a sealed parcel: fixed points, which become objects anew for each attempt. */
export class Batch {
  readonly temporality: AggregationTemporality
  /** How many data points. */
  readonly size: number
  state: BatchState = 'pending'
  /** Whether it may have arrived already, so that sending it again may double it at the receiver. */
  mayHaveArrived = false
  readonly #pieces: readonly Piece[]
  readonly #resource: ResourceMetrics['resource'] | undefined

  /** @param resource default: the reader's */
  constructor(temporality: AggregationTemporality, pieces: readonly Piece[], resource?: ResourceMetrics['resource']) {
    this.#resource = resource
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
    return builder.build(this.#resource ?? reader.resource)
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

/** A parcel of a process that is gone: with its own resource and times, cut into the same batches. */
export class ReplayedParcel {
  readonly batches: readonly Batch[]
  readonly found: FoundParcel

  constructor(found: FoundParcel) {
    const { streams, temporality, maxBatchSize, resource } = found.record
    this.found = found
    this.batches = batchesOf(streams, temporality, maxBatchSize, resourceOf(resource))
    // Batches that it does not have are those of another cut, and then so are the others: sending them again is allowed.
    const isOfThisCut = found.finished.every((i) => this.batches[i] !== undefined)
    if (isOfThisCut) for (const i of found.finished) this.batches[i]!.state = 'delivered'
    // Nobody knows whether they were sent: what never was by the process that is gone may have been by another that had
    // taken it over, and died of it.
    for (const batch of this.batches) batch.mayHaveArrived = !batch.isFinished
  }

  get pendingPoints(): number {
    return this.batches.reduce((points, batch) => (batch.isFinished ? points : points + batch.size), 0)
  }
}

/** What exporters read of a resource. */
function resourceOf({ attributes, schemaUrl }: FoundParcel['record']['resource']): ResourceMetrics['resource'] {
  const resource: ResourceMetrics['resource'] = {
    attributes,
    ...(schemaUrl !== undefined && { schemaUrl }),
    asyncAttributesPending: false,
    merge: (other) => other ?? resource,
    getRawAttributes: () => Object.entries(attributes),
  }
  return resource
}

/** Cuts points into batches: full ones, and a last one. */
function batchesOf(
  streams: readonly Points[],
  temporality: AggregationTemporality,
  maxBatchSize: number,
  resource?: ResourceMetrics['resource'],
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
      batches.push(new Batch(temporality, pieces, resource))
      pieces = []
      room = maxBatchSize
    }
  }
  if (pieces.length > 0) batches.push(new Batch(temporality, pieces, resource))
  return batches
}
