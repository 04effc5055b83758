import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { Batch } from './batch.ts'
import { pendingPointsIn, type SealedParcel } from './parcel.ts'

/**
 * Most sealed parcels, and from the second one on most points in them, that are held at a time. Each is kept for itself, as what
 * may have arrived cannot be merged with anything. Beyond it what comes merges into the open parcel until one is delivered, or for
 * a while: see {@link HeldParcels.hasRoomFor}.
 */
const MOST_PARCELS = 64
const MOST_POINTS = 2 ** 18

/** The factor by which the wait grows from one parcel beyond those bounds to the next. */
const WAIT_FACTOR = 2

/** The sealed parcels of one adapter that are not delivered, oldest first, and its latest cumulative points. */
export class HeldParcels {
  #parcels: readonly SealedParcel[] = []
  /** Of the parcel that was sealed last. */
  #cumulative: readonly Batch[] = []
  /** Those that were sealed though there was no room. */
  readonly #beyond = new WeakSet<SealedParcel>()
  /** How many times in a row nothing was sealed. */
  #waited = 0

  /** Those whose delta section is not finished. */
  get parcels(): readonly SealedParcel[] {
    return this.#parcels
  }

  get cumulative(): readonly Batch[] {
    return this.#cumulative
  }

  get count(): number {
    const isCumulativeOnly = this.#parcels.length === 0 && pendingPointsIn(this.#cumulative) > 0
    return this.#parcels.length + (isCumulativeOnly ? 1 : 0)
  }

  get pendingPoints(): number {
    return this.pendingDelta + pendingPointsIn(this.#cumulative)
  }

  /**
   * Whether the open parcel, of so many points, may be sealed. There may be batches that the receiver never answers, though it
   * takes all others: so they must not keep what comes later from being tried. Beyond the bounds one more is sealed after
   * 0, 1, 3, 7, … intervals without: their number grows with the logarithm of the length of an outage.
   */
  hasRoomFor(points: number): boolean {
    const beyond = this.#parcels.filter((parcel) => this.#beyond.has(parcel)).length
    return this.#fits(points) || this.#waited >= WAIT_FACTOR ** beyond - 1
  }

  #fits(points: number): boolean {
    const { length } = this.#parcels
    return length === 0 || (length < MOST_PARCELS && this.pendingDelta + points <= MOST_POINTS)
  }

  /** Its cumulative points replace the older ones; returns how many of those were not delivered. */
  add(parcel: SealedParcel): number {
    const superseded = pendingPointsIn(this.#cumulative)
    for (const batch of this.#cumulative) if (!batch.isFinished) batch.state = 'superseded'
    this.#waited++
    if (parcel.deltaBatches.length > 0) {
      if (!this.#fits(parcel.pendingDelta)) this.#beyond.add(parcel)
      this.#parcels = [...this.#parcels, parcel]
      this.#waited = 0
    }
    this.#cumulative = parcel.cumulativeBatches
    return superseded
  }

  /** Takes out those that are finished. */
  takeFinished(): readonly SealedParcel[] {
    const finished = this.#parcels.filter(({ isDeltaFinished }) => isDeltaFinished)
    if (finished.length > 0) this.#parcels = this.#parcels.filter(({ isDeltaFinished }) => !isDeltaFinished)
    return finished
  }

  /** Batches to be sent that are known not to have arrived, in the order in which they were recorded. */
  untried(): readonly Batch[] {
    return [...this.#deltaBatches(), ...this.#cumulative].filter(({ isUntried }) => isUntried)
  }

  /** The same without cumulative points. */
  untriedDelta(): readonly Batch[] {
    return this.#deltaBatches().filter(({ isUntried }) => isUntried)
  }

  /**
   * Whether both go in one call: the last delta points and the cumulative ones of the same moment, which the receiver should
   * have together.
   */
  goTogether(batch: Batch, next: Batch | undefined, maxBatchSize: number): boolean {
    return (
      next !== undefined &&
      batch.temporality === AggregationTemporality.DELTA &&
      next.temporality === AggregationTemporality.CUMULATIVE &&
      batch.size + next.size <= maxBatchSize
    )
  }

  /** What may have arrived and is in no call: those that were sent the fewest times first, then the oldest. */
  unknown(): readonly Batch[] {
    return this.#deltaBatches()
      .filter(({ state, mayHaveArrived }) => state === 'pending' && mayHaveArrived)
      .sort((a, b) => a.unknownOutcomes - b.unknownOutcomes)
  }

  /** What is in a call that has not called back. */
  sent(): readonly Batch[] {
    return [...this.#deltaBatches(), ...this.#cumulative].filter(({ state }) => state === 'sent')
  }

  /** Forgets everything; what is unfinished counts as lost to whoever calls it. */
  lose(): void {
    for (const batch of [...this.#deltaBatches(), ...this.#cumulative]) if (!batch.isFinished) batch.state = 'lost'
    this.#parcels = []
    this.#cumulative = []
  }

  /** Points of delta sections that are not finished. */
  get pendingDelta(): number {
    return this.#parcels.reduce((points, { pendingDelta }) => points + pendingDelta, 0)
  }

  #deltaBatches(): Batch[] {
    return this.#parcels.flatMap(({ deltaBatches }) => deltaBatches)
  }
}
