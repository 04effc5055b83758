import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import type { Entries } from './attributes.ts'
import { viewWithRoomForOverflow } from './buffer-differences.ts'
import { type ExportedPoint, RecordingExporter } from './exported.ts'
import { type FrontEnd, instrumentsOf } from './front-end.ts'
import type { Instrument } from './instruments.ts'
import { isObserved, type Program, type Step } from './program.ts'
import { viewOptions } from './views.ts'

/** What the readers exported at one flush point. */
export interface Flushed {
  readonly ours: readonly ExportedPoint[]
  readonly stock: readonly ExportedPoint[]
  /** What was recorded or observed since the flush point before, as the SDK's own reader reports it in delta. */
  readonly recorded: readonly ExportedPoint[]
}

/**
 * Our reader and two of the SDK's, and the instruments of a program: on one MeterProvider, or ours on one side and the
 * SDK's on the other.
 */
export class World {
  readonly reader: BufferingMetricReader
  readonly #providers: ReadonlySet<MeterProvider>
  readonly #readers: readonly { forceFlush(): Promise<void> }[]
  readonly #ours: RecordingExporter
  readonly #stock: RecordingExporter
  readonly #witness: RecordingExporter
  readonly #instruments: readonly Instrument[]
  readonly #attributeSets: readonly Entries[]
  /** The sum of the absolute values recorded. */
  magnitude = 0

  constructor(program: Program, frontEnd: FrontEnd) {
    const { temporality, histograms, maxExportBatchSize, views } = program
    this.#ours = new RecordingExporter(temporality, histograms)
    this.#stock = new RecordingExporter(temporality, histograms)
    this.#witness = new RecordingExporter('delta', histograms)
    const buffer = new MetricsBuffer({ views: views.map(viewOptions) })
    this.reader = new BufferingMetricReader({
      adapters: [new PushExporterAdapter(this.#ours, { maxExportBatchSize })],
      buffer,
    })
    const stock = new PeriodicExportingMetricReader({ exporter: this.#stock })
    const witness = new PeriodicExportingMetricReader({ exporter: this.#witness })
    this.#readers = program.flushedFirst === 'ours' ? [this.reader, stock, witness] : [stock, this.reader, witness]
    const resource = resourceFromAttributes({ 'service.name': 'shadow', ключ: [1, 2] })
    const provider = (readers: readonly unknown[], viewOf: typeof viewOptions): MeterProvider =>
      new MeterProvider({ readers: readers as PeriodicExportingMetricReader[], views: views.map(viewOf), resource })
    const ours = provider(frontEnd === 'sdk' ? this.#readers : [this.reader], viewOptions)
    const theirs = frontEnd === 'sdk' ? ours : provider([stock, witness], viewWithRoomForOverflow)
    this.#providers = new Set([ours, theirs])
    this.#instruments = instrumentsOf(program, frontEnd, { buffer, ours, stock: theirs })
    this.#attributeSets = program.attributeSets
  }

  async take(step: Step): Promise<Flushed | undefined> {
    switch (step.do) {
      case 'record': {
        const instrument = this.#instruments[step.instrument % this.#instruments.length]!
        const entries = this.#attributeSets[step.attributes % this.#attributeSets.length]!
        instrument.record(step.value, entries, step.reversed)
        // A rounding error is an ulp of a partial sum; what is observed comes and goes again with every difference.
        if (Number.isFinite(step.value)) this.magnitude += 2 * Math.abs(step.value)
        return
      }
      case 'turn':
        await this.reader.flush()
        return
      case 'collect':
        await this.reader.collect()
        return
      case 'flush':
        return this.flush()
    }
  }

  async flush(): Promise<Flushed> {
    for (const instrument of this.#instruments) instrument.beginFlush()
    for (const reader of this.#readers) await reader.forceFlush()
    for (const instrument of this.#instruments) instrument.endFlush()
    return { ours: this.#ours.take(), stock: this.#stock.take(), recorded: this.#witness.take() }
  }

  /** The resources each side was given. */
  resources(): { readonly ours: readonly unknown[]; readonly stock: readonly unknown[] } {
    return { ours: [...this.#ours.resources], stock: [...this.#stock.resources] }
  }

  async end(): Promise<void> {
    for (const provider of this.#providers) await provider.shutdown()
  }
}

/** Whether the SDK and ours agree by design on a point that was not recorded since the last flush point. */
export function isExpectedOfOurs(point: ExportedPoint, recorded: ReadonlySet<string>): boolean {
  // DIFFERENCE: an asynchronous series that was not observed is not exported.
  return !isObserved(point.kind) || recorded.has(point.key)
}
