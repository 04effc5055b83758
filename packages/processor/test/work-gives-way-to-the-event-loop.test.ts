import { type HrTime, ValueType } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  type MetricProducer,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MetricsBuffer } from '../src/buffer/metrics-buffer.ts'
import { TimeSlice } from '../src/core/time-slice.ts'
import { GuardedFilter } from '../src/pipeline/guarded-filter.ts'
import { CollectionFold } from '../src/reader/collection-fold.ts'
import { CollectingAdapter } from './support/collecting-adapter.ts'

const SERIES = 320

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
})

function pipeline(...adapters: CollectingAdapter[]) {
  const reader = new BufferingMetricReader({
    adapters,
    cardinalityLimits: { default: 10 * SERIES },
    collectTimeoutMillis: 600_000,
  })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  return {
    reader,
    record: (value = 1) => {
      for (let n = 0; n < SERIES; n++) counter.add(value, { n })
    },
  }
}

/** Counts the rounds of the event loop while something is under way. */
async function roundsDuring(work: Promise<unknown>): Promise<number> {
  let rounds = 0
  let working = true
  const count = () => {
    rounds++
    if (working) setImmediate(count)
  }
  setImmediate(count)
  await work
  working = false
  return rounds
}

const sum = (values: unknown[]) => (values as number[]).reduce((a, b) => a + b, 0)

test('folding, draining and folding the cumulative view let it run every few items', async () => {
  const [delta, cumulative] = [new CollectingAdapter('delta'), new CollectingAdapter('cumulative')]
  cumulative.temporality = () => AggregationTemporality.CUMULATIVE
  const { reader, record } = pipeline(delta, cumulative)
  record()
  // The fold, the view and the delta adapter: each gives way once for every 32 series.
  expect(await roundsDuring(reader.flush())).toBeGreaterThanOrEqual(3 * (SERIES / 32))
  // Reading the view, too.
  expect(await roundsDuring(cumulative.cumulative('counter'))).toBeGreaterThanOrEqual(SERIES / 32)
})

describe('what is recorded while a generation is drained', () => {
  test('lands in the next one, once', async () => {
    const adapter = new CollectingAdapter()
    const { reader, record } = pipeline(adapter)
    record()
    let recordings = 0
    adapter.onAbsorb = () => {
      // Between two slices of the drain the application goes on.
      if (recordings === 0)
        setImmediate(() => {
          recordings++
          record(1000)
        })
      recordings ||= 0
    }
    await reader.flush()
    expect(sum(adapter.values('counter'))).toBe(SERIES)
    adapter.onAbsorb = () => {}
    await reader.flush()
    expect(sum(adapter.values('counter'))).toBe(SERIES + recordings * 1000 * SERIES)
    expect(recordings).toBeGreaterThan(0)
  })

  test('also when it is collected by hand, or asked for by a scrape, in the middle of it', async () => {
    const adapter = new CollectingAdapter()
    adapter.temporality = () => AggregationTemporality.CUMULATIVE
    const { reader, record } = pipeline(adapter)
    record()
    await reader.flush()
    record(10)
    const turn = reader.flush()
    const asked: Promise<unknown>[] = []
    const seen: number[] = []
    setImmediate(() => {
      asked.push(reader.collect())
      // A look at the view comes between turns: all series of the turn are in it, or none.
      asked.push(adapter.cumulative('counter').then((points) => seen.push(sum(points.map((point) => point.value)))))
    })
    await turn
    await Promise.all(asked)
    expect(seen).toEqual([11 * SERIES])
  })
})

test('a late collection that is folded in slices counts once, in a later turn', async () => {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    cardinalityLimits: { default: 10 * SERIES },
    collectTimeoutMillis: 5,
  })
  let release = () => {}
  const register = reader.setMetricProducer.bind(reader)
  let calls = 0
  reader.setMetricProducer = (sdk: MetricProducer) =>
    register({
      collect: async (options) => {
        const result = await sdk.collect(options)
        if (++calls === 1)
          await new Promise<void>((resolve) => {
            release = resolve
          })
        return result
      },
    })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  for (let n = 0; n < SERIES; n++) counter.add(1, { n })
  await reader.flush()
  expect(adapter.absorbed).toEqual([])
  release()
  await reader.flush()
  await reader.flush()
  await reader.flush()
  expect(sum(adapter.values('counter'))).toBe(SERIES)
})

describe('timers', () => {
  test('never keep the process alive', async () => {
    const started = [vi.spyOn(globalThis, 'setInterval'), vi.spyOn(globalThis, 'setTimeout')]
    const reader = new BufferingMetricReader({ adapters: [new CollectingAdapter()], collectIntervalMillis: 60_000 })
    new MeterProvider({ readers: [reader] })
    await reader.flush()
    const timers = started.flatMap(({ mock }) => mock.results.map((result) => result.value as NodeJS.Timeout))
    // Those of the two intervals, and the deadline of the collection, which is cleared by now.
    expect(timers.length).toBeGreaterThanOrEqual(3)
    expect(timers.map((timer) => timer.hasRef())).toEqual(timers.map(() => false))
  })

  test('but a caller who waits for the end is waited for', async () => {
    const adapter = new CollectingAdapter()
    const { reader } = pipeline(adapter)
    let release = () => {}
    adapter.onDeliver = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const flushed = reader.forceFlush()
    await vi.waitFor(() => expect(adapter.deliveries).toBe(1), { interval: 1 })
    expect(process.getActiveResourcesInfo()).toContain('Timeout')
    release()
    await flushed
  })
})

test('a fold that is overtaken by a freeze goes on in the next generation: nothing is written to the frozen one', async () => {
  const buffer = new MetricsBuffer()
  const { generations } = buffer
  const metricFilter = new GuardedFilter(undefined)
  const fold = new CollectionFold({ buffer, cardinalityLimits: {}, metricFilter }, new TimeSlice())
  const time: HrTime = [1, 0]
  const metric: SumMetricData = {
    descriptor: { name: 'counter', description: '', unit: '', valueType: ValueType.INT },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: Array.from({ length: SERIES }, (_, n) => ({
      startTime: time,
      endTime: time,
      attributes: { n },
      value: 1,
    })),
  }
  const resource = resourceFromAttributes({})
  fold.take({ resource, scopeMetrics: [{ scope: { name: 'late' }, metrics: [metric] }] })
  const folded = fold.fold()
  const frozen = generations.freeze()
  const before = frozen.touched.length
  await folded
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(SERIES)
  expect(frozen.touched).toHaveLength(before)
  expect(generations.hot.touched).toHaveLength(SERIES - before)
})
