import { DiagLogLevel, diag } from '@opentelemetry/api'
import { AggregationType, type IAttributesProcessor, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Measurement, PLACES, type Place, RecordingPlaces } from './support/recording-places.ts'
import { TotallingExporter } from './support/totalling-exporter.ts'

const RUNS = Number(process.env.SLUICE_RUNS ?? 50)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
/** More than a slice of 32. */
const SERIES = 80
/** Fewer than there are attribute sets: the rest goes into the overflow series, of which a logger is told. */
const UP_DOWN_LIMIT = 20
const INSTRUMENTS = 7

/** Every look at the clock finds another 3 ms gone: a slice is spent at every look, which is every 32 items. */
beforeEach(() => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 3
    return now
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  diag.disable()
})

/** A pipeline that records in all places, and knows what it has recorded. */
class World {
  readonly recorded = new Map<string, number>()
  readonly exporter = new TotallingExporter()
  readonly places: RecordingPlaces
  readonly reader: BufferingMetricReader
  readonly #record: (measurement: Measurement) => void
  #turn = 0

  constructor(measurements: readonly Measurement[]) {
    this.places = new RecordingPlaces(measurements, (measurement) => this.#record(measurement))
    const here = (place: Place) => this.places.here(place)
    const log = () => here('a diag logger')
    diag.setLogger(
      { error: log, warn: log, info: log, debug: log, verbose: log },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    )

    const adapter = new PushExporterAdapter(this.exporter)
    const absorb = adapter.absorb.bind(adapter)
    let draining = -1
    adapter.absorb = (series, generation) => {
      here('absorb of an adapter')
      if (draining !== generation.number) {
        draining = generation.number
        // The drain is not done in one slice.
        setImmediate(() => here('between two slices of a drain'))
      }
      absorb(series, generation)
    }
    this.exporter.onExport = () => here('export of an exporter')
    this.exporter.beforeAnswer = () => here('an exporter, before it answers')

    const processor: IAttributesProcessor = {
      process: (attributes) => {
        here('an attributes processor of a view')
        return attributes
      },
    }
    const buffer = new MetricsBuffer({
      views: [
        { instrumentName: 'viewed', attributesProcessors: [processor] },
        { instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
      ],
    })
    this.reader = new BufferingMetricReader({
      adapters: [adapter],
      buffer,
      cardinalityLimits: { default: 10 * SERIES, upDownCounter: UP_DOWN_LIMIT },
      collectTimeoutMillis: 600_000,
      metricFilter: {
        testMetric: () => {
          here('testMetric of a filter')
          return 'accept'
        },
        testAttributes: () => 'accept',
      },
      processors: [
        {
          name: 'recording',
          processMetric: (metric) => {
            here('processMetric')
            return metric
          },
          processAttributes: (attributes) => {
            here('processAttributes')
            return attributes
          },
        },
      ],
    })
    const sdk = new MeterProvider({ readers: [this.reader] }).getMeter('sdk')
    this.#record = this.#instruments(buffer, sdk)

    const observable = buffer.getMeter('test').createObservableCounter('observable')
    observable.addCallback(async (result) => {
      here('an observable callback')
      await new Promise((resolve) => setImmediate(resolve))
      here('an observable callback, after an await')
      result.observe(this.#turn)
    })
    // Each failure is told to the logger.
    observable.addCallback(() => {
      throw new Error('no value')
    })
  }

  /** One turn and what the application does before it. */
  async turn(fails: boolean): Promise<void> {
    this.#turn++
    for (let n = 0; n < SERIES; n++) this.#record({ place: 'absorb of an adapter', instrument: 0, value: 1, n })
    // Dropped, of which the logger is told in the middle of a recording.
    this.reader.buffer.getMeter('test').createCounter(`dropping ${this.#turn}`).add(Number.NaN)
    const attributes = Object.defineProperty({}, 'n', {
      enumerable: true,
      get: () => {
        this.places.here('a getter of an attribute')
        return this.#turn
      },
    })
    this.reader.buffer.getMeter('test').createCounter('read').add(1, attributes)
    this.#count('read', 1)
    this.exporter.fails = fails
    await this.reader.forceFlush().catch(() => {})
  }

  /** What was recorded before the call is exported when it resolves. */
  async settle(): Promise<void> {
    this.places.clear()
    this.exporter.fails = false
    await this.reader.forceFlush()
    this.#count('observable', this.#turn)
  }

  #instruments(buffer: MetricsBuffer, sdk: ReturnType<MeterProvider['getMeter']>) {
    const meter = buffer.getMeter('test')
    const counter = meter.createCounter('counter')
    const bound = meter.createCounter('bound').bind({ bound: true })
    const upDown = meter.createUpDownCounter('upDown')
    const viewed = meter.createCounter('viewed')
    const histogram = meter.createHistogram('histogram')
    const exponential = meter.createHistogram('exponential')
    const ofSdk = sdk.createCounter('sdk')
    const recordings: readonly ((value: number, n: number) => void)[] = [
      (value, n) => {
        counter.add(value, { n })
        this.#count('counter', value)
      },
      (value) => {
        bound.add(value)
        this.#count('bound', value)
      },
      (value, n) => {
        upDown.add(-value, { n })
        this.#count('upDown', -value)
      },
      (value, n) => {
        viewed.add(value, { n })
        this.#count('viewed', value)
      },
      (value, n) => {
        histogram.record(value, { n })
        this.#count('histogram', value)
        this.#count('histogram, how many', 1)
      },
      (value, n) => {
        exponential.record(value, { n })
        this.#count('exponential', value)
        this.#count('exponential, how many', 1)
      },
      (value, n) => {
        ofSdk.add(value, { n })
        this.#count('sdk', value)
      },
    ]
    return ({ instrument, value, n }: Measurement) => recordings[instrument]!(value, n)
  }

  #count(key: string, value: number): void {
    this.recorded.set(key, (this.recorded.get(key) ?? 0) + value)
  }
}

const measurement: fc.Arbitrary<Measurement> = fc.record({
  place: fc.constantFrom(...PLACES),
  instrument: fc.nat(INSTRUMENTS - 1),
  value: fc.integer({ min: 1, max: 1000 }),
  n: fc.nat(SERIES),
})

/** Every instrument in every place. */
const everything = PLACES.flatMap((place, n) =>
  Array.from({ length: INSTRUMENTS }, (_, instrument): Measurement => ({ place, instrument, value: 1, n })),
)

test(`what is recorded in the middle of a turn or an export arrives once (seed ${SEED}, ${RUNS} runs)`, {
  timeout: 30_000 + 100 * RUNS,
}, async () => {
  const reached = new Set<Place>()
  await fc.assert(
    fc.asyncProperty(
      fc.array(measurement, { minLength: 1, maxLength: 100 }),
      fc.array(fc.boolean(), { minLength: 2, maxLength: 5 }),
      async (measurements, failures) => {
        const world = new World(measurements)
        for (const fails of failures) await world.turn(fails)
        await world.settle()
        expect(world.exporter.totals).toEqual(world.recorded)
        for (const place of world.places.reached.keys()) reached.add(place)
      },
    ),
    { numRuns: RUNS, seed: SEED, examples: [[everything, [false, true, false]]] },
  )
  expect([...reached].sort(), 'a place that is never reached proves nothing').toEqual([...PLACES].sort())
})
