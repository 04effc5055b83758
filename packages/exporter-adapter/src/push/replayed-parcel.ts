import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { Batch, cut } from './batch.ts'
import type { FoundParcel } from './left-parcels.ts'
import { pendingPointsIn } from './parcel.ts'
import type { RecordedResource } from './parcel-record.ts'

/**
 * A parcel of a process that is gone: with its own resource and times, cut into the same batches. Its points are in memory only
 * while it is sent, however many there are; what became of each batch is so for good, as a call may settle late.
 */
export class ReplayedParcel {
  /** A batch that is too large for the receiver is replaced by two. */
  readonly batches: Batch[] = []
  readonly found: FoundParcel

  constructor(found: FoundParcel) {
    const { temporality, delivered } = found
    this.found = found
    for (const size of delivered.sizes) this.batches.push(new Batch(temporality, size, this.batches))
    for (const i of delivered.finished) this.batches[i]!.state = 'delivered'
    // Nobody knows whether they were sent: what never was by the process that is gone may have been by another that had
    // taken it over, and died of it.
    for (const batch of this.batches) batch.mayHaveArrived = !batch.isFinished
  }

  get pendingPoints(): number {
    return pendingPointsIn(this.batches)
  }

  /**
   * Takes its points into memory; false where they cannot be read just now.
   *
   * @throws SpoolError `UNREADABLE` where they never can
   */
  async load(): Promise<boolean> {
    const record = await this.found.read()
    if (record === undefined) return false
    const resource = resourceOf(record.resource)
    const sizes = this.batches.map(({ size }) => size)
    for (const [i, pieces] of cut(record.streams, sizes).entries()) this.batches[i]!.content = { pieces, resource }
    return true
  }

  unload(): void {
    for (const batch of this.batches) batch.content = undefined
  }

  /** Marks what is pending as lost; returns how many points that were. */
  lose(): number {
    const points = this.pendingPoints
    for (const batch of this.batches) if (!batch.isFinished) batch.state = 'lost'
    return points
  }
}

/** What exporters read of a resource. */
function resourceOf({ attributes, schemaUrl }: RecordedResource): ResourceMetrics['resource'] {
  const resource: ResourceMetrics['resource'] = {
    attributes,
    ...(schemaUrl !== undefined && { schemaUrl }),
    asyncAttributesPending: false,
    merge: (other) => other ?? resource,
    getRawAttributes: () => Object.entries(attributes),
  }
  return resource
}
