import {
  AggregationTemporality,
  type DataPoint,
  InstrumentType,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { PushExporterAdapterOptions } from '@otel-sluice/exporter-adapter'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { INTERVAL, pushPipeline } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, directoryOfThisTest, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_700_000_000_000

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const setClock = (byMillis: number) => vi.setSystemTime(Date.now() + byMillis)

/** Start and end of each point of a metric, in ms. */
function windowsIn(call: ResourceMetrics, name: string): [start: number, end: number][] {
  const metrics = call.scopeMetrics.flatMap(({ metrics }) => metrics)
  return metrics
    .filter(({ descriptor }) => descriptor.name === name)
    .flatMap(({ dataPoints }) => dataPoints as DataPoint<unknown>[])
    .map(({ startTime, endTime }) => [millis(startTime), millis(endTime)])
}

const millis = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1e3 + nanoseconds / 1e6

describe('a parcel that was begun while the wall clock was ahead, and is sealed after that was corrected,', () => {
  async function corrected(options: PushExporterAdapterOptions = {}) {
    const pipeline = pushPipeline(undefined, options)
    const { exporter, counter, meter, interval } = pipeline
    const gauge = meter.createGauge('gauge')
    setClock(DAY)
    exporter.answer = 'failBefore'
    counter.add(1)
    // Sealed, and sent again and again: what comes next is another parcel.
    await interval()
    counter.add(2)
    gauge.record(5)
    await interval()
    setClock(-DAY)
    counter.add(4)
    await interval()
    return pipeline
  }

  async function delivered() {
    const { exporter, interval } = await corrected()
    exporter.answer = 'success'
    await interval()
    return { exporter, last: exporter.calls.at(-1)! }
  }

  test('has a window of the right time, with all that was recorded', async () => {
    const { exporter, last } = await delivered()
    expect(windowsIn(last, 'counter')).toEqual([[NOW + 2 * INTERVAL, NOW + 3 * INTERVAL]])
    expect(exporter.receiver.total('counter')).toBe(7)
  })

  test('has no gauge that was set later than it ends', async () => {
    const { last } = await delivered()
    expect(windowsIn(last, 'gauge')).toEqual([[NOW + 2 * INTERVAL, NOW + 3 * INTERVAL]])
  })

  test('has neither when the next process sends it', async () => {
    const options = { name: 'exporter', spoolDirectory: directoryOfThisTest() }
    const fs = new ProcessFs()
    openSpoolsWith(() => ({ fs, identity: deadIdentity(1) }))
    await corrected(options)
    fs.isDead = true
    forgetLivingSpools()
    vi.clearAllTimers()
    openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(2) }))
    const { exporter, interval } = pushPipeline(undefined, options)
    await interval()
    const last = exporter.calls.at(-1)!
    for (const name of ['counter', 'gauge']) {
      expect(windowsIn(last, name)).toEqual([[NOW + 2 * INTERVAL, NOW + 3 * INTERVAL]])
    }
  })
})

test('a cumulative sum whose exporter was down over the correction arrives whole', async () => {
  setClock(DAY)
  const { exporter, counter, interval } = pushPipeline(new ScriptedExporter(AggregationTemporality.CUMULATIVE))
  exporter.answer = 'failBefore'
  counter.add(1)
  await interval()
  setClock(-DAY)
  exporter.answer = 'success'
  counter.add(2)
  await interval()
  expect(exporter.receiver.total('counter')).toBe(3)
  expect(windowsIn(exporter.calls.at(-1)!, 'counter')).toEqual([[NOW + INTERVAL, NOW + 2 * INTERVAL]])
})

describe('while the call hangs that a cumulative sum was last sealed for', () => {
  /** A sum that was sealed ahead of the right time, and went on since. */
  async function hanging(correction: number) {
    setClock(DAY)
    const pipeline = pushPipeline(new ScriptedExporter(AggregationTemporality.CUMULATIVE))
    pipeline.exporter.answer = 'hang'
    pipeline.counter.add(1)
    await pipeline.interval()
    setClock(correction)
    pipeline.counter.add(2)
    await pipeline.reader.flush()
    return pipeline
  }

  test.each([0, -DAY])('shutdown() counts it as lost, with a correction by %d', async (by) => {
    const { reader, stats } = await hanging(by)
    const shutdown = reader.shutdown({ timeoutMillis: 100 }).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(INTERVAL)
    await shutdown
    expect(stats()).toMatchObject({ lostPoints: { shutdown: 2 }, pendingPoints: 0 })
  })
})

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('counter', 'upDown', 'gauge', 'histogram'),
      value: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('interval' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('clock' as const), by: fc.constantFrom(-DAY, -HOUR, HOUR, DAY) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      answer: fc.constantFrom('success', 'failBefore', 'failAfter', 'flap'),
    }),
  },
)

test.each([
  ['delta', () => AggregationTemporality.DELTA],
  ['cumulative', () => AggregationTemporality.CUMULATIVE],
  [
    'mixed',
    (kind: InstrumentType) =>
      kind === InstrumentType.UP_DOWN_COUNTER ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA,
  ],
] as const)(
  'whatever the clock and the exporter do, what was recorded arrives once, in windows that end after they start: %s',
  async (_kind, temporality) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { exporter, counter, meter, interval } = pushPipeline(new ScriptedExporter(temporality))
        const { receiver } = exporter
        const upDown = meter.createUpDownCounter('upDown')
        const gauge = meter.createGauge('gauge')
        const histogram = meter.createHistogram('histogram')
        const recorded = { counter: 0, upDown: 0, histogram: 0 }
        let set: number | undefined
        for (const each of steps) {
          if (each.do === 'interval') await interval()
          else if (each.do === 'answer') exporter.answer = each.answer
          else if (each.do === 'clock') {
            setClock(each.by)
            if (each.by < 0) receiver.clockSetBack()
          } else if (each.do === 'gauge') {
            gauge.record(each.value)
            set = each.value
          } else {
            recorded[each.do] += each.do === 'histogram' ? 1 : each.value
            if (each.do === 'counter') counter.add(each.value)
            else if (each.do === 'upDown') upDown.add(each.value)
            else histogram.record(each.value)
          }
        }
        exporter.answer = 'success'
        for (let i = 0; i < 3; i++) await interval()
        expect(receiver.violations).toEqual([])
        for (const [name, total] of Object.entries(recorded)) {
          if (total > 0) expect([name, receiver.total(name)]).toEqual([name, total])
        }
        if (set !== undefined) expect(receiver.total('gauge')).toBe(set)
        vi.clearAllTimers()
      }),
      { numRuns: 150 },
    )
  },
)
