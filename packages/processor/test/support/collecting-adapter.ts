import {
  type AggregationOption,
  AggregationTemporality,
  AggregationType,
  type InstrumentType,
} from '@opentelemetry/sdk-metrics'
import type { AdapterStats, AttachedReader, ExporterAdapter, Generation, Series } from '@otel-sluice/processor'

/** What one series did in one generation, as an adapter saw it. */
export interface Absorbed {
  readonly name: string
  readonly attributes: Series['attributes']
  readonly value: unknown
  readonly start: number
  readonly end: number
}

/** An adapter that writes down what it is given; the least there is to one. */
export class CollectingAdapter implements ExporterAdapter {
  readonly name: string
  readonly absorbed: Absorbed[] = []
  readonly exportIntervalMillis: number | undefined
  temporality: (kind: InstrumentType) => AggregationTemporality = () => AggregationTemporality.DELTA
  aggregation: AggregationOption = { type: AggregationType.DEFAULT }
  onAbsorb: (series: Series) => void = () => {}
  onDeliver: (options: { readonly force: boolean }) => Promise<void> = async () => {}
  deliveries = 0
  shutdowns = 0
  pendingPoints = 0
  lostPoints = 0
  reader: AttachedReader | undefined

  constructor(name = 'collecting', options: { exportIntervalMillis?: number } = {}) {
    this.name = name
    this.exportIntervalMillis = options.exportIntervalMillis
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    return this.temporality(kind)
  }

  selectAggregation(): AggregationOption {
    return this.aggregation
  }

  attach(reader: AttachedReader): void {
    if (this.reader !== undefined) throw new Error(`${this.name}: attached already`)
    this.reader = reader
  }

  absorb(series: Series, generation: Generation): void {
    this.onAbsorb(series)
    this.absorbed.push({
      name: series.stream.descriptor.name,
      attributes: series.attributes,
      value: generation.valueOf(series),
      start: generation.startUnixMicros,
      end: generation.endUnixMicros,
    })
  }

  async deliver(options: { readonly force: boolean }): Promise<void> {
    this.deliveries++
    await this.onDeliver(options)
  }

  async shutdown(): Promise<void> {
    this.shutdowns++
    this.lostPoints += this.pendingPoints
    this.pendingPoints = 0
  }

  /** Everything absorbed for a metric, by value. */
  values(name: string): unknown[] {
    return this.absorbed.filter((absorbed) => absorbed.name === name).map((absorbed) => absorbed.value)
  }

  /** What the cumulative view shows for a metric. */
  async cumulative(name: string): Promise<{ attributes: unknown; value: unknown; start: number; end: number }[]> {
    const shown: { attributes: unknown; value: unknown; start: number; end: number }[] = []
    const reader = this.reader!
    const captured = await reader.betweenTurns(() =>
      reader.cumulative.capture(({ descriptor }) => descriptor.name === name),
    )
    for (const points of captured) {
      for (let i = 0; i < points.size; i++) {
        shown.push({
          attributes: points.series[i]!.attributes,
          value: points.valueOf(i),
          start: points.startUnixMicrosOf(i),
          end: points.endUnixMicrosOf(i),
        })
      }
    }
    return shown
  }

  stats(): AdapterStats {
    return {
      offeredPoints: this.absorbed.length,
      deliveredPoints: this.absorbed.length - this.pendingPoints - this.lostPoints,
      pendingPoints: this.pendingPoints,
      mergedPoints: 0,
      supersededPoints: 0,
      filteredPoints: 0,
      lostPoints: { rejected: 0, shutdown: this.lostPoints, 'spool-unreadable': 0 },
      outcomeUnknown: 0,
      outcomeUnknownPoints: 0,
      attempts: this.deliveries,
      failures: 0,
      pendingParcels: 0,
    }
  }
}
