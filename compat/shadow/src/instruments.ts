import {
  type Attributes,
  type BatchObservableCallback,
  type Counter,
  type Gauge,
  type Meter,
  type Observable,
  type UpDownCounter,
  ValueType,
} from '@opentelemetry/api'
import { InstrumentType } from '@opentelemetry/sdk-metrics'
import { attributesOf, type Entries } from './attributes.ts'
import { canonical } from './exported.ts'
import type { InstrumentSpec } from './program.ts'

/** An instrument of a program, on one side. */
export interface Instrument {
  record(value: number, entries: Entries, reversed: boolean): void
  beginFlush(): void
  endFlush(): void
}

/** How an instrument of the buffer is recorded through: as it is, or often with attributes bound to it. */
export type Recording = 'plain' | 'bound'

export function instrumentOf(
  spec: InstrumentSpec,
  meter: Meter,
  observesOnce: boolean,
  recording: Recording = 'plain',
): Instrument {
  const recorded = recording === 'plain' ? recordedPlainly : recordedBound
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

type Recordable = Counter | UpDownCounter | Gauge

function recordedPlainly(instrument: Recordable): Instrument {
  return recordedBy((value, entries, reversed) =>
    // No attributes are given either as none or as an empty object.
    recordInto(instrument, value, entries.length === 0 && reversed ? undefined : attributesOf(entries, reversed)),
  )
}

/** Binds all attributes, or the first of several, or none. */
function recordedBound(instrument: Recordable & { bind?(attributes: Attributes): Recordable }): Instrument {
  const bound = new Map<string, Recordable>()
  const bind = (entries: Entries): Recordable => {
    const attributes = attributesOf(entries, false)
    const key = canonical(attributes)
    const known = bound.get(key) ?? instrument.bind!(attributes)
    bound.set(key, known)
    return known
  }
  return recordedBy((value, entries, reversed) => {
    if (reversed) recordInto(bind(entries), value)
    else if (entries.length > 1) recordInto(bind(entries.slice(0, 1)), value, attributesOf(entries.slice(1), false))
    else recordInto(instrument, value, attributesOf(entries, false))
  })
}

function recordInto(instrument: Recordable, value: number, attributes?: Attributes): void {
  if ('add' in instrument) instrument.add(value, attributes)
  else instrument.record(value, attributes)
}

function recordedBy(record: Instrument['record']): Instrument {
  return {
    record,
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
    for (const { entries, reversed, value } of this.#series.values()) {
      // Of what a callback observes twice, in whatever order of the keys, the last counts.
      report(value + 1, attributesOf(entries, !reversed))
      report(value, attributesOf(entries, reversed))
    }
  }
}
