import {
  type BatchObservableCallback,
  type Counter,
  type Gauge,
  type Meter,
  type Observable,
  type UpDownCounter,
  ValueType,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InstrumentType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { attributesOf, type Entries } from './attributes.ts'
import { canonical, type ExportedPoint, RecordingExporter } from './exported.ts'
import { type InstrumentSpec, isObserved, type Program, type Step } from './program.ts'
import { viewOptions } from './views.ts'

/** What the readers exported at one flush point. */
export interface Flushed {
  readonly ours: readonly ExportedPoint[]
  readonly stock: readonly ExportedPoint[]
  /** What was recorded or observed since the flush point before, as the SDK's own reader reports it in delta. */
  readonly recorded: readonly ExportedPoint[]
}

/** One MeterProvider with our reader and two of the SDK's, and the instruments of a program. */
export class World {
  readonly reader: BufferingMetricReader
  readonly #provider: MeterProvider
  readonly #readers: readonly { forceFlush(): Promise<void> }[]
  readonly #ours: RecordingExporter
  readonly #stock: RecordingExporter
  readonly #witness: RecordingExporter
  readonly #instruments: readonly Instrument[]
  readonly #attributeSets: readonly Entries[]
  /** The sum of the absolute values recorded. */
  magnitude = 0

  constructor(program: Program) {
    const { temporality, histograms } = program
    this.#ours = new RecordingExporter(temporality, histograms)
    this.#stock = new RecordingExporter(temporality, histograms)
    this.#witness = new RecordingExporter('delta', histograms)
    const { maxExportBatchSize } = program
    this.reader = new BufferingMetricReader({
      adapters: [new PushExporterAdapter(this.#ours, { maxExportBatchSize })],
    })
    const stock = new PeriodicExportingMetricReader({ exporter: this.#stock })
    const witness = new PeriodicExportingMetricReader({ exporter: this.#witness })
    this.#readers = program.flushedFirst === 'ours' ? [this.reader, stock, witness] : [stock, this.reader, witness]
    this.#provider = new MeterProvider({
      readers: [...this.#readers] as PeriodicExportingMetricReader[],
      views: program.views.map(viewOptions),
      resource: resourceFromAttributes({ 'service.name': 'shadow', ключ: [1, 2] }),
    })
    const meters = program.scopes.map(({ name, version, schemaUrl }) =>
      this.#provider.getMeter(name, version, schemaUrl === undefined ? undefined : { schemaUrl }),
    )
    this.#instruments = program.instruments.map((spec) =>
      instrumentOf(spec, meters[spec.scope % meters.length]!, program.observing === 'once'),
    )
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

  end(): Promise<void> {
    return this.#provider.shutdown()
  }
}

interface Instrument {
  record(value: number, entries: Entries, reversed: boolean): void
  beginFlush(): void
  endFlush(): void
}

function instrumentOf(spec: InstrumentSpec, meter: Meter, observesOnce: boolean): Instrument {
  const { name, unit, kind } = spec
  const options = {
    unit,
    description: `what ${name} says`,
    valueType: spec.isInteger ? ValueType.INT : ValueType.DOUBLE,
    ...(spec.boundaries && { advice: { explicitBucketBoundaries: [...spec.boundaries] } }),
  }
  switch (kind) {
    case InstrumentType.COUNTER:
      return recorded(meter.createCounter(name, options))
    case InstrumentType.UP_DOWN_COUNTER:
      return recorded(meter.createUpDownCounter(name, options))
    case InstrumentType.GAUGE:
      return recorded(meter.createGauge(name, options))
    case InstrumentType.HISTOGRAM:
      return recorded(meter.createHistogram(name, options))
    case InstrumentType.OBSERVABLE_COUNTER:
      return new Observed(meter.createObservableCounter(name, options), spec, meter, observesOnce)
    case InstrumentType.OBSERVABLE_GAUGE:
      return new Observed(meter.createObservableGauge(name, options), spec, meter, observesOnce)
    case InstrumentType.OBSERVABLE_UP_DOWN_COUNTER:
      return new Observed(meter.createObservableUpDownCounter(name, options), spec, meter, observesOnce)
  }
}

function recorded(instrument: Counter | UpDownCounter | Gauge): Instrument {
  return {
    record(value, entries, reversed) {
      const attributes = attributesOf(entries, reversed)
      if ('add' in instrument) instrument.add(value, attributes)
      else instrument.record(value, attributes)
    },
    beginFlush() {},
    endFlush() {},
  }
}

/** An observable instrument whose callback reports what was "recorded" last for each series. */
class Observed implements Instrument {
  readonly #isMonotonic: boolean
  readonly #vanishes: boolean
  readonly #observesOnce: boolean
  /** In the order in which they were last recorded: the values of a counter ascend. */
  readonly #series = new Map<
    string,
    { readonly entries: Entries; readonly reversed: boolean; readonly value: number }
  >()
  #level = 0
  #mayObserve: boolean

  constructor(instrument: Observable, spec: InstrumentSpec, meter: Meter, observesOnce: boolean) {
    this.#isMonotonic = spec.kind === InstrumentType.OBSERVABLE_COUNTER
    this.#observesOnce = observesOnce
    this.#vanishes = observesOnce && !spec.isSticky
    this.#mayObserve = !observesOnce
    if (spec.callback === 'batch') {
      const callback: BatchObservableCallback = (result) =>
        this.#observe((value, attributes) => result.observe(instrument, value, attributes))
      meter.addBatchObservableCallback(callback, [instrument])
      return
    }
    instrument.addCallback((result) => {
      this.#observe((value, attributes) => result.observe(value, attributes))
      return spec.callback === 'async' ? Promise.resolve() : undefined
    })
  }

  record(value: number, entries: Entries, reversed: boolean): void {
    // Differences of NaN and infinities depend on how often the callbacks ran.
    if (!Number.isFinite(value)) return
    // Whichever series a view makes one, the sum of a counter must not fall: that is another test.
    if (this.#isMonotonic) this.#level += Math.abs(value)
    const key = canonical(Object.fromEntries(entries))
    this.#series.delete(key)
    this.#series.set(key, { entries, reversed, value: this.#isMonotonic ? this.#level : value })
  }

  beginFlush(): void {
    this.#mayObserve = true
  }

  endFlush(): void {
    if (this.#vanishes) this.#series.clear()
    this.#mayObserve = !this.#observesOnce
  }

  #observe(report: (value: number, attributes: ReturnType<typeof attributesOf>) => void): void {
    if (!this.#mayObserve) return
    if (this.#observesOnce) this.#mayObserve = false
    for (const { entries, reversed, value } of this.#series.values()) report(value, attributesOf(entries, reversed))
  }
}

/** Whether the SDK and ours agree by design on a point that was not recorded since the last flush point. */
export function isExpectedOfOurs(point: ExportedPoint, recorded: ReadonlySet<string>): boolean {
  // DIFFERENCE: an asynchronous series that was not observed is not exported.
  return !isObserved(point.kind) || recorded.has(point.key)
}
