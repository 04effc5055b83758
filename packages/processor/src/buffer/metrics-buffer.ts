import type { MeterOptions, MeterProvider } from '@opentelemetry/api'
import { type AggregationSelector, AggregationType } from '@opentelemetry/sdk-metrics'
import { Clock } from '../core/clock.ts'
import type { CardinalityLimits } from '../series/cardinality.ts'
import { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { InstrumentationScope } from '../series/stream.ts'
import { textIfAny, textOf } from '../series/stream-identity.ts'
import { StreamRegistry } from '../series/stream-registry.ts'
import { type BufferSettings, type MetricsBufferOptions, resolveBufferOptions } from './buffer-options.ts'
import { BufferedMeter } from './meter.ts'
import { ObservableCallbacks } from './observables.ts'

/** What a buffer knows of the reader that it belongs to. */
interface Owner {
  readonly aggregationSelector: AggregationSelector
  readonly cardinalityLimits: CardinalityLimits
}

const NOBODY: Owner = {
  aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
  cardinalityLimits: {},
}

/**
 * The OTel metrics API, recording straight into the hot generation of a {@link BufferingMetricReader}: a fraction of what
 * the SDK's own instruments cost, and what was recorded is cut in one instant.
 *
 * A reader has one, `reader.buffer`; give it one of yours to set views or limits. Use it where it is hot,
 * `reader.buffer.getMeter(…)`, or for everything, `metrics.setGlobalMeterProvider(reader.buffer)`. What is recorded here
 * and through the `MeterProvider` that the reader is registered in is flushed in the same turn, and a stream that is
 * recorded through both is one stream.
 *
 * @throws TypeError or RangeError from the constructor, naming the option and the value
 */
export class MetricsBuffer implements MeterProvider {
  /** @internal */
  readonly generations = new Generations(new Clock())
  /** @internal */
  readonly streams = new StreamRegistry()
  /** @internal */
  readonly callbacks = new ObservableCallbacks(this.generations)
  readonly #settings: BufferSettings
  readonly #meters = new Map<string, BufferedMeter>()
  #owner: Owner | undefined
  #droppedMeasurements = 0

  constructor(options: MetricsBufferOptions = {}) {
    this.#settings = resolveBufferOptions(options)
  }

  /** The meter of this name, version and schema URL: the same one each time. */
  getMeter(name: string, version = '', options: MeterOptions = {}): BufferedMeter {
    const scope = {
      name: typeof name === 'string' ? textOf(name) : '',
      // As the SDK has it, so that a view means the same in both.
      version: textIfAny(version),
      schemaUrl: options?.schemaUrl == null ? undefined : textOf(options.schemaUrl),
    }
    const key = JSON.stringify(scope)
    let meter = this.#meters.get(key)
    if (meter === undefined) {
      if (scope.name === '') {
        report('warn', 'sluice: getMeter() needs the name of the instrumentation; its metrics will have no scope name')
      }
      meter = new BufferedMeter(scope as InstrumentationScope, this)
      this.#meters.set(key, meter)
    }
    return meter
  }

  /** @internal Measurements that no instrument could take: NaN, negative, no number at all. */
  get droppedMeasurements(): number {
    return this.#droppedMeasurements
  }

  /** @internal */
  readonly countDropped = (): void => {
    this.#droppedMeasurements++
  }

  /** @internal */
  get settings(): BufferSettings {
    return this.#settings
  }

  /** @internal What the reader decides for instruments that no view does; the defaults while there is none. */
  get owner(): Owner {
    return this.#owner ?? NOBODY
  }

  /**
   * @internal Makes it the buffer of a reader.
   *
   * @throws Error when it has one already
   */
  attach(owner: Owner): void {
    if (this.#owner !== undefined) {
      throw new Error('BufferingMetricReader: buffer belongs to another reader already; make one for each')
    }
    this.#owner = owner
  }
}
