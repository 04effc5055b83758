import type {
  Attributes,
  BatchObservableCallback,
  Meter,
  MetricOptions,
  Observable,
  ObservableCounter,
  ObservableGauge,
  ObservableUpDownCounter,
} from '@opentelemetry/api'
import { InstrumentType } from '@opentelemetry/sdk-metrics'
import { AttributeCheck } from '../series/attribute-check.ts'
import { Mishaps } from '../series/mishaps.ts'
import { report } from '../series/report.ts'
import type { InstrumentationScope } from '../series/stream.ts'
import { createDescriptor, type InstrumentDescriptor, isSameStream } from './instrument-descriptor.ts'
import { InstrumentStreams } from './instrument-streams.ts'
import {
  BufferedCounter,
  BufferedGauge,
  BufferedHistogram,
  BufferedUpDownCounter,
  type InstrumentParts,
} from './instruments.ts'
import type { MetricsBuffer } from './metrics-buffer.ts'
import { BufferedObservable } from './observables.ts'
import { ValueCheck } from './value-check.ts'

/** An instrument that was made, under what it was first asked for. */
interface MadeInstrument {
  readonly descriptor: InstrumentDescriptor
  readonly instrument: unknown
}

/**
 * The OTel `Meter` of a {@link MetricsBuffer}: all seven instruments. Asking twice for an instrument of one name, unit, kind
 * and value type gives the same one.
 */
export class BufferedMeter implements Meter {
  readonly #buffer: MetricsBuffer
  readonly #streams: InstrumentStreams
  readonly #made = new Map<string, MadeInstrument[]>()

  /** @internal */
  constructor(scope: InstrumentationScope, buffer: MetricsBuffer) {
    this.#buffer = buffer
    this.#streams = new InstrumentStreams(scope, buffer)
  }

  createCounter<A extends Attributes = Attributes>(name: string, options?: MetricOptions): BufferedCounter<A> {
    return this.#make(name, InstrumentType.COUNTER, options, (parts) => new BufferedCounter<A>(parts))
  }

  createUpDownCounter<A extends Attributes = Attributes>(
    name: string,
    options?: MetricOptions,
  ): BufferedUpDownCounter<A> {
    return this.#make(name, InstrumentType.UP_DOWN_COUNTER, options, (parts) => new BufferedUpDownCounter<A>(parts))
  }

  createGauge<A extends Attributes = Attributes>(name: string, options?: MetricOptions): BufferedGauge<A> {
    return this.#make(name, InstrumentType.GAUGE, options, (parts) => new BufferedGauge<A>(parts))
  }

  createHistogram<A extends Attributes = Attributes>(name: string, options?: MetricOptions): BufferedHistogram<A> {
    return this.#make(name, InstrumentType.HISTOGRAM, options, (parts) => new BufferedHistogram<A>(parts))
  }

  createObservableCounter<A extends Attributes = Attributes>(
    name: string,
    options?: MetricOptions,
  ): ObservableCounter<A> {
    return this.#makeObservable(name, InstrumentType.OBSERVABLE_COUNTER, options)
  }

  createObservableUpDownCounter<A extends Attributes = Attributes>(
    name: string,
    options?: MetricOptions,
  ): ObservableUpDownCounter<A> {
    return this.#makeObservable(name, InstrumentType.OBSERVABLE_UP_DOWN_COUNTER, options)
  }

  createObservableGauge<A extends Attributes = Attributes>(name: string, options?: MetricOptions): ObservableGauge<A> {
    return this.#makeObservable(name, InstrumentType.OBSERVABLE_GAUGE, options)
  }

  /** Runs once a turn for all these observables, which have to be of this buffer; others are left out. */
  addBatchObservableCallback<A extends Attributes = Attributes>(
    callback: BatchObservableCallback<A>,
    observables: Observable<A>[],
  ): void {
    this.#buffer.callbacks.addBatch(callback as BatchObservableCallback, observables as Observable[])
  }

  removeBatchObservableCallback<A extends Attributes = Attributes>(
    callback: BatchObservableCallback<A>,
    observables: Observable<A>[],
  ): void {
    this.#buffer.callbacks.removeBatch(callback as BatchObservableCallback, observables as Observable[])
  }

  #make<Instrument>(
    name: string,
    kind: InstrumentType,
    options: MetricOptions | undefined,
    create: (parts: InstrumentParts) => Instrument,
  ): Instrument {
    return this.#madeOnce(createDescriptor(name, kind, options), (descriptor, attributes) =>
      create({
        generations: this.#buffer.generations,
        recorder: this.#streams.recorderFor(descriptor, attributes),
        check: new ValueCheck(descriptor, attributes.mishaps),
      }),
    )
  }

  #makeObservable<A extends Attributes>(
    name: string,
    kind: InstrumentType,
    options: MetricOptions | undefined,
  ): Observable<A> {
    return this.#madeOnce(createDescriptor(name, kind, options), (descriptor, attributes) => {
      const streams = this.#streams.observedFor(descriptor, attributes)
      const check = new ValueCheck(descriptor, attributes.mishaps)
      return new BufferedObservable(
        descriptor.name,
        streams,
        check,
        attributes,
        this.#buffer.callbacks,
      ) as Observable as Observable<A>
    })
  }

  #madeOnce<Instrument>(
    descriptor: InstrumentDescriptor,
    create: (descriptor: InstrumentDescriptor, attributes: AttributeCheck) => Instrument,
  ): Instrument {
    const ofName = this.#made.get(descriptor.name) ?? []
    const ofStream = ofName.filter((made) => isSameStream(made.descriptor, descriptor))
    const known = ofStream.find((made) => made.descriptor.description === descriptor.description)
    if (known !== undefined) return known.instrument as Instrument
    this.#warnOfConflict(descriptor, ofStream[0] ?? ofName[0])
    const mishaps = new Mishaps(descriptor.name, this.#buffer.countDropped)
    const instrument = create(descriptor, new AttributeCheck(mishaps, this.#buffer.settings.attributeLimits))
    this.#made.set(descriptor.name, [...ofName, { descriptor, instrument }])
    return instrument
  }

  /** OTel spec, metrics SDK, "Duplicate instrument registration". */
  #warnOfConflict(descriptor: InstrumentDescriptor, made: MadeInstrument | undefined): void {
    if (made === undefined) return
    const { name, unit, type, valueType } = made.descriptor
    if (isSameStream(made.descriptor, descriptor)) {
      report(
        'warn',
        `sluice: ${name} was made before with another description; the longer one is used. Make it once, or the same each time`,
      )
      return
    }
    const differences = [
      type !== descriptor.type && `kind ${type}, now ${descriptor.type}`,
      unit !== descriptor.unit && `unit '${unit}', now '${descriptor.unit}'`,
      valueType !== descriptor.valueType && 'another value type',
    ].filter(Boolean)
    report(
      'warn',
      `sluice: ${name} was made before with ${differences.join(', ')}; both are exported, as metrics of one name that ` +
        'backends may not tell apart. Rename one of them, in the code or by a view',
    )
  }
}
