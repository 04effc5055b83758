import type { AttachedReader } from '@otel-sluice/processor'
import type { ExportLane } from './export-lane.ts'
import type { Batch } from './parcel.ts'

/** How long batches may follow each other without the event loop running in between. */
const SLICE_MILLIS = 1

/** Sends the batches of parcels through the lane of their exporter, in order. */
export class BatchSender {
  readonly #name: string
  readonly #lane: ExportLane
  #isClosed = false

  constructor(name: string, lane: ExportLane) {
    this.#name = name
    this.#lane = lane
  }

  /** Whatever is being sent ends before its next call. */
  close(): void {
    this.#isClosed = true
  }

  /** @throws Error once it is closed */
  check(): void {
    if (this.#isClosed) throw new Error(`${this.#name}: shut down while delivering`)
  }

  /**
   * Sends what is unfinished.
   *
   * @param progress told which ones are finished, while there are others
   * @throws Error at the first batch that has to be sent again
   */
  async send(
    batches: readonly Batch[],
    reader: AttachedReader,
    progress?: (finished: readonly number[]) => Promise<void> | undefined,
  ): Promise<void> {
    let sliceStartedMillis = performance.now()
    for (const batch of batches) {
      if (batch.isFinished) continue
      const metrics = await batch.toResourceMetrics(reader)
      this.check()
      // A call that was given up may have delivered it meanwhile.
      if (!batch.isFinished) await this.#lane.send(batch, metrics)
      const finished = finishedOf(batches)
      if (finished.length < batches.length) await progress?.(finished)
      // Exporters serialise as they are called: the event loop gets its turn between two of them.
      if (performance.now() - sliceStartedMillis < SLICE_MILLIS) continue
      await new Promise<void>((resolve) => setImmediate(resolve))
      sliceStartedMillis = performance.now()
    }
  }
}

/** The positions of the batches that nothing is to be done for any more. */
export function finishedOf(batches: readonly Batch[]): number[] {
  return batches.flatMap(({ isFinished }, i) => (isFinished ? [i] : []))
}
