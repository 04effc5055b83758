import { type Attributes, diag } from '@opentelemetry/api'
import { AggregationTemporality, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Answer, ScriptedExporter } from './support/scripted-exporter.ts'

/**
 * The law the project exists for, over random histories: whatever an exporter does, in whatever order things happen,
 * what was recorded is delivered, still held, or lost with a reason, and nothing is counted twice.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 300)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
const INTERVAL = 1_000

const ANSWERS: readonly Answer[] = ['success', 'failBefore', 'failAfter', 'throwBefore', 'reject', 'hang']

type Step =
  | { readonly do: 'add' | 'record' | 'set' | 'upDown'; readonly value: number; readonly series: number }
  | { readonly do: 'answer'; readonly exporter: number; readonly answer: Answer }
  | { readonly do: 'settle'; readonly exporter: number; readonly well: boolean }
  | { readonly do: 'wait'; readonly millis: number }
  | { readonly do: 'flush' | 'forceFlush' | 'collect' }

const exporterIndex = fc.integer({ min: 0, max: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('add', 'record', 'set', 'upDown'),
      value: fc.integer({ min: 0, max: 1000 }),
      series: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('answer'), exporter: exporterIndex, answer: fc.constantFrom(...ANSWERS) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle'), exporter: exporterIndex, well: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait'),
      millis: fc.constantFrom(1, 400, INTERVAL, 3 * INTERVAL, 12 * INTERVAL),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('flush', 'forceFlush', 'collect') }) },
)

/** Sums per series in plain Maps: what the pipeline must come to, worked out without it. */
class Oracle {
  readonly counter = new Map<string, number>()
  readonly upDown = new Map<string, number>()
  readonly gauge = new Map<string, number>()
  readonly histogram = new Map<string, number[]>()

  add(to: Map<string, number>, key: string, value: number): void {
    to.set(key, (to.get(key) ?? 0) + value)
  }
}

function world() {
  const delta = new ScriptedExporter(AggregationTemporality.DELTA)
  const cumulative = new ScriptedExporter(AggregationTemporality.CUMULATIVE)
  // What OTLP exporters mean by a delta preference: UpDownCounters stay cumulative.
  const mixed = new ScriptedExporter((kind) =>
    kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
  )
  const exporters = [delta, cumulative, mixed]
  const reader = new BufferingMetricReader({
    adapters: exporters.map(
      (exporter, i) => new PushExporterAdapter(exporter, { name: `exporter ${i}`, maxExportBatchSize: 3 }),
    ),
    exportIntervalMillis: INTERVAL,
    exportTimeoutMillis: INTERVAL / 2,
  })
  const provider = new MeterProvider({ readers: [reader] })
  const meter = provider.getMeter('model')
  return {
    exporters,
    reader,
    counter: meter.createCounter('counter'),
    upDown: meter.createUpDownCounter('upDown'),
    gauge: meter.createGauge('gauge'),
    histogram: meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [10, 100] } }),
  }
}

type World = ReturnType<typeof world>

function attributesOf(series: number): Attributes {
  return series === 0 ? {} : { series }
}

async function take(
  step: Step,
  { exporters, reader, ...instruments }: World,
  oracle: Oracle,
  waiting: Promise<unknown>[],
) {
  switch (step.do) {
    case 'add': {
      instruments.counter.add(step.value, attributesOf(step.series))
      return oracle.add(oracle.counter, `${step.series}`, step.value)
    }
    case 'upDown': {
      instruments.upDown.add(500 - step.value, attributesOf(step.series))
      return oracle.add(oracle.upDown, `${step.series}`, 500 - step.value)
    }
    case 'set': {
      instruments.gauge.record(step.value, attributesOf(step.series))
      oracle.gauge.set(`${step.series}`, step.value)
      return
    }
    case 'record': {
      instruments.histogram.record(step.value, attributesOf(step.series))
      const buckets = oracle.histogram.get(`${step.series}`) ?? [0, 0, 0]
      buckets[step.value <= 10 ? 0 : step.value <= 100 ? 1 : 2]! += 1
      oracle.histogram.set(`${step.series}`, buckets)
      return
    }
    case 'answer':
      exporters[step.exporter]!.answer = step.answer
      return
    case 'settle': {
      const call = exporters[step.exporter]!.hanging[0]
      if (step.well) call?.succeed()
      else call?.fail()
      await vi.advanceTimersByTimeAsync(0)
      return
    }
    case 'wait':
      await vi.advanceTimersByTimeAsync(step.millis)
      return
    default:
      // Not awaited: whatever comes next comes while it is under way. Rejecting with what is undelivered is its right.
      waiting.push(reader[step.do]().catch(() => undefined))
  }
}

function expectBalance(reader: BufferingMetricReader): void {
  for (const { name, stats } of reader.stats().adapters) {
    const { deliveredPoints, pendingPoints, mergedPoints, supersededPoints, filteredPoints, lostPoints } = stats
    const accounted =
      deliveredPoints +
      pendingPoints +
      mergedPoints +
      supersededPoints +
      filteredPoints +
      lostPoints.rejected +
      lostPoints.shutdown
    expect(accounted, `${name}: offered = delivered + pending + merged + superseded + filtered + lost`).toBe(
      stats.offeredPoints,
    )
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  diag.disable()
})
afterEach(() => {
  vi.useRealTimers()
})

test(`what was recorded is delivered, held or lost with a reason, at every moment (seed ${SEED}, ${RUNS} histories)`, {
  timeout: 120_000,
}, async () => {
  let exports = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const w = world()
      const oracle = new Oracle()
      const waiting: Promise<unknown>[] = []
      for (const each of steps) {
        await take(each, w, oracle, waiting)
        expectBalance(w.reader)
      }

      // The outage ends, and what hangs settles: everything has to come in.
      for (const exporter of w.exporters) {
        exporter.answer = 'success'
        for (const call of [...exporter.hanging]) call.fail()
      }
      await vi.advanceTimersByTimeAsync(20 * INTERVAL)
      await Promise.all(waiting)
      const flushed = w.reader.forceFlush()
      await vi.advanceTimersByTimeAsync(INTERVAL)
      await flushed
      expectBalance(w.reader)

      for (const [i, exporter] of w.exporters.entries()) {
        const { receiver, rejected } = exporter
        const [delta, cumulative] = [i !== 1, i !== 0]
        expect(receiver.violations).toEqual([])
        const arrived = (name: string, series: string) => {
          // What the receiver refused for good is lost with a reason; a cumulative point carries it all the same.
          const refused = name === 'upDown' ? !cumulative : delta
          const attributes = attributesOf(Number(series))
          return receiver.total(name, attributes) + (refused ? rejected.total(name, attributes) : 0)
        }
        for (const [series, sum] of oracle.counter) expect(arrived('counter', series)).toBe(sum)
        for (const [series, sum] of oracle.upDown) expect(arrived('upDown', series)).toBe(sum)
        for (const [series, buckets] of oracle.histogram) {
          expect(arrived('histogram', series)).toBe(buckets.reduce((a, b) => a + b, 0))
          if (rejected.buckets('histogram', attributesOf(Number(series))).length === 0) {
            expect(receiver.buckets('histogram', attributesOf(Number(series)))).toEqual(buckets)
          }
        }
        if (!exporter.rejectedAnything) {
          for (const [series, value] of oracle.gauge)
            expect(receiver.total('gauge', attributesOf(Number(series)))).toBe(value)
        }
        // One export at a time: a second one only beside a call that was given up.
        expect(exporter.mostRunning).toBeLessThanOrEqual(2)
        exports += exporter.calls.length
        const { stats } = w.reader.stats().adapters[i]!
        expect(stats.pendingPoints).toBe(0)
        expect(stats.pendingParcels).toBe(0)
      }
      await w.reader.shutdown()
    }),
    { numRuns: RUNS, seed: SEED },
  )
  console.log(`conservation: seed ${SEED}, ${RUNS} histories, ${exports} export calls`)
})
