import { AggregationTemporality, AggregationType } from '@opentelemetry/sdk-metrics'
import { type AdapterStats, type ExporterAdapter, Fold, type Generation, type Series } from '@otel-sluice/processor'

/** Sends a line of text per series. */
export class LineAdapter implements ExporterAdapter {
  readonly name = 'LineAdapter'
  readonly #write: (lines: string[]) => Promise<void>
  readonly #open = new Fold()
  #sending: string[] = []
  #offered = 0
  #delivered = 0
  #merged = 0
  #lost = 0
  #attempts = 0

  constructor(write: (lines: string[]) => Promise<void>) {
    this.#write = write
  }

  selectAggregationTemporality = () => AggregationTemporality.DELTA
  selectAggregation = () => ({ type: AggregationType.DEFAULT })
  attach(): void {}

  absorb(series: Series, generation: Generation): void {
    this.#offered++
    if (this.#open.absorb(series, generation)) this.#merged++
  }

  async deliver(): Promise<void> {
    await this.#send() // what failed the last time, unchanged
    this.#sending = this.#take() // swap first, then send: what comes meanwhile belongs to the next delivery
    await this.#send()
  }

  #take(): string[] {
    return this.#open
      .take()
      .flatMap((points) => points.series.map((_, i) => `${points.stream.descriptor.name} ${points.valueOf(i)}`))
  }

  async #send(): Promise<void> {
    if (this.#sending.length === 0) return
    this.#attempts++
    await this.#write(this.#sending)
    this.#delivered += this.#sending.length
    this.#sending = []
  }

  async shutdown(): Promise<void> {
    this.#lost += this.#take().length + this.#sending.length
    this.#sending = []
  }

  stats(): AdapterStats {
    return {
      offeredPoints: this.#offered,
      deliveredPoints: this.#delivered,
      pendingPoints: this.#open.size + this.#sending.length,
      mergedPoints: this.#merged,
      supersededPoints: 0,
      filteredPoints: 0,
      lostPoints: { rejected: 0, shutdown: this.#lost, 'spool-unreadable': 0 },
      outcomeUnknown: 0,
      outcomeUnknownPoints: 0,
      attempts: this.#attempts,
      failures: 0,
      pendingParcels: Number(this.#open.size > 0) + Number(this.#sending.length > 0),
    }
  }
}
