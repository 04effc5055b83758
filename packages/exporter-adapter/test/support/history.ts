import type { Attributes } from '@opentelemetry/api'
import { AggregationTemporality, InstrumentType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { PullExporterAdapter, PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import fc from 'fast-check'
import { vi } from 'vitest'
import { Receiver } from './receiver.ts'
import { type Answer, ScriptedExporter } from './scripted-exporter.ts'

export const INTERVAL = 1_000
const ANSWERS: readonly Answer[] = [
  'success',
  'failBefore',
  'failAfter',
  'failPlain',
  'throwBefore',
  'rejectPromise',
  'reject',
  'hang',
  'twice',
  'flap',
  { afterMillis: 300 },
  { afterMillis: 1_300 },
]

export type Step =
  | { readonly do: 'add' | 'record' | 'set' | 'upDown'; readonly value: number; readonly series: number }
  | { readonly do: 'answer'; readonly exporter: number; readonly answer: Answer }
  | { readonly do: 'settle'; readonly exporter: number; readonly well: boolean }
  | { readonly do: 'wait'; readonly millis: number }
  | { readonly do: 'callback'; readonly hangs: boolean }
  | { readonly do: 'flush' | 'forceFlush' | 'collect' | 'scrape' }
  | { readonly do: 'forceFlushWithin'; readonly timeoutMillis: number }

const exporter = fc.integer({ min: 0, max: 2 })
const value = fc.integer({ min: 0, max: 1000 })
const series = fc.integer({ min: 0, max: 3 })
const millis = fc.constantFrom(1, 400, INTERVAL, 3 * INTERVAL, 12 * INTERVAL)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('add', 'record', 'set', 'upDown'), value, series }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer'), exporter, answer: fc.constantFrom(...ANSWERS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle'), exporter, well: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait'), millis }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('callback'), hangs: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('flush', 'forceFlush', 'collect', 'scrape') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('forceFlushWithin'), timeoutMillis: fc.constantFrom(1, 300, 3 * INTERVAL) }),
  },
)

/** What happens, and for some histories a shutdown with this deadline in the middle of it. */
export const history = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
  cutOffAfterMillis: fc.option(fc.constantFrom(1, 300, 2_000, 12_000), { freq: 2 }),
  /** How much of each backoff the jitter leaves, in turn. Not always nothing: a retry each millisecond is no history. */
  jitter: fc.array(fc.constantFrom(0, 0.001, 0.3, 0.9, 0.999), { maxLength: 3 }).map((shares) => [...shares, 0.5]),
})

/** What was recorded, in plain Maps by series: what the pipeline must come to, worked out without it. */
export class Recorded {
  readonly counter = new Map<number, number>()
  readonly upDown = new Map<number, number>()
  readonly gauge = new Map<number, number>()
  readonly histogram = new Map<number, number[]>()
}

/** A pull reader that wants delta. */
class DeltaPullReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA })
  }
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** One reader with three push exporters of different temporalities and a pull reader. Wants fake timers. */
export class World {
  readonly delta = new ScriptedExporter(AggregationTemporality.DELTA)
  readonly cumulative = new ScriptedExporter(AggregationTemporality.CUMULATIVE)
  /** What OTLP exporters mean by a delta preference: UpDownCounters stay cumulative. */
  readonly mixed = new ScriptedExporter((kind) =>
    kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
  )
  readonly exporters = [this.delta, this.cumulative, this.mixed]
  readonly pulled = new Receiver()
  readonly recorded = new Recorded()
  readonly #pull = new DeltaPullReader()
  readonly reader = new BufferingMetricReader({
    adapters: [
      ...this.exporters.map(
        (each, i) =>
          new PushExporterAdapter(each, {
            name: `exporter ${i}`,
            maxExportBatchSize: 3,
            retry: { initialBackoffMillis: 400, maxBackoffMillis: 4 * INTERVAL },
          }),
      ),
      new PullExporterAdapter(this.#pull),
    ],
    exportIntervalMillis: INTERVAL,
    exportTimeoutMillis: INTERVAL / 2,
    collectTimeoutMillis: 200,
  })
  readonly #meter = new MeterProvider({ readers: [this.reader] }).getMeter('model')
  readonly #counter = this.#meter.createCounter('counter')
  readonly #upDown = this.#meter.createUpDownCounter('upDown')
  readonly #gauge = this.#meter.createGauge('gauge')
  readonly #histogram = this.#meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [10, 100] } })
  #callbackHangs = false
  readonly #waiting: Promise<unknown>[] = []

  constructor() {
    this.#meter.createObservableGauge('observed').addCallback(async (result) => {
      result.observe(1)
      if (this.#callbackHangs) await new Promise(() => {})
    })
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'add':
      case 'upDown':
      case 'set':
      case 'record':
        this.#record(step.do, step.value, step.series)
        break
      case 'answer':
        this.exporters[step.exporter]!.answer = step.answer
        break
      case 'settle': {
        const call = this.exporters[step.exporter]!.hanging[0]
        if (step.well) call?.succeed()
        else call?.fail()
        await vi.advanceTimersByTimeAsync(0)
        break
      }
      case 'wait':
        await vi.advanceTimersByTimeAsync(step.millis)
        break
      case 'callback':
        this.#callbackHangs = step.hangs
        break
      case 'scrape':
        // Not awaited, as below: whatever comes next comes while it is under way.
        this.#waiting.push(this.#scrape().catch(() => undefined))
        break
      case 'forceFlushWithin':
        this.#waiting.push(this.reader.forceFlush(step).catch(() => undefined))
        break
      default:
        // Rejecting with what is undelivered is its right.
        this.#waiting.push(this.reader[step.do]().catch(() => undefined))
    }
  }

  /** Everything comes to its end: exporters are well again, what hangs fails, and callers have their answers. */
  async recover(): Promise<void> {
    this.#callbackHangs = false
    for (const each of this.exporters) {
      each.answer = 'success'
      for (const call of [...each.hanging]) call.fail()
    }
    await vi.advanceTimersByTimeAsync(20 * INTERVAL)
    await Promise.all(this.#waiting)
  }

  /** The last delivery and the last scrape. */
  async deliver(): Promise<void> {
    const last = Promise.all([this.reader.forceFlush(), this.#scrape()])
    await vi.advanceTimersByTimeAsync(INTERVAL)
    await last
  }

  /** Shuts down while things are as they are. */
  async cutOff(timeoutMillis: number): Promise<void> {
    const end = Promise.allSettled([
      this.reader.shutdown({ timeoutMillis }),
      this.reader.forceFlush(),
      this.reader.shutdown(),
    ])
    await vi.advanceTimersByTimeAsync(timeoutMillis + INTERVAL)
    await end
  }

  async #scrape(): Promise<void> {
    this.pulled.take((await this.#pull.collect()).resourceMetrics)
  }

  #record(what: 'add' | 'upDown' | 'set' | 'record', value: number, series: number): void {
    const { counter, upDown, gauge, histogram } = this.recorded
    const attributes = attributesOf(series)
    if (what === 'add') {
      this.#counter.add(value, attributes)
      counter.set(series, (counter.get(series) ?? 0) + value)
    } else if (what === 'upDown') {
      this.#upDown.add(500 - value, attributes)
      upDown.set(series, (upDown.get(series) ?? 0) + 500 - value)
    } else if (what === 'set') {
      this.#gauge.record(value, attributes)
      gauge.set(series, value)
    } else {
      this.#histogram.record(value, attributes)
      const buckets = histogram.get(series) ?? [0, 0, 0]
      buckets[value <= 10 ? 0 : value <= 100 ? 1 : 2]! += 1
      histogram.set(series, buckets)
    }
  }
}

export function attributesOf(series: number): Attributes {
  return series === 0 ? {} : { series }
}
