import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { diag } from '@opentelemetry/api'
import {
  AggregationTemporality,
  MeterProvider,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Receiver } from './support/receiver.ts'
import { deadIdentity, directoryOfThisTest, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

/** 30 days are 43 200 turns and take minutes: `npm run test:faults` has them. */
const DAYS = Number(process.env.SLUICE_DAYS ?? 1)
const INTERVAL = 60_000
const TURNS = (DAYS * 24 * 60 * 60_000) / INTERVAL
const SAMPLES = 10
/**
 * What is held is below both: of one adapter 64 parcels of at most eleven series each, about 1 KiB on disk, and beyond
 * them one more after 1, 2, 4, … intervals (18 in 30 days); of the other its latest sums.
 */
const MOST_HEAP_GROWTH_BYTES = 2 * 2 ** 20
const MOST_DISK_BYTES = 96 * 1024

beforeEach(() => {
  vi.useFakeTimers()
  diag.disable()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Down in several ways, and remembers nothing meanwhile. */
class Backend implements PushMetricExporter {
  isDown = true
  calls = 0
  readonly receiver = new Receiver()
  /** By series. */
  readonly totals = new Map<string, number>()
  readonly #temporality: AggregationTemporality

  constructor(temporality: AggregationTemporality) {
    this.#temporality = temporality
  }

  selectAggregationTemporality() {
    return this.#temporality
  }

  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    this.calls++
    if (this.isDown) {
      const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      done(this.calls % 2 === 0 ? { code: 1 } : { code: 1, error: refused })
      return
    }
    this.receiver.take(metrics)
    for (const metric of metrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
      for (const { attributes, value } of metric.dataPoints) {
        const key = JSON.stringify(attributes)
        const before = this.#temporality === AggregationTemporality.DELTA ? (this.totals.get(key) ?? 0) : 0
        this.totals.set(key, before + (value as number))
      }
    }
    done({ code: 0 })
  }

  get total(): number {
    return [...this.totals.values()].reduce((a, b) => a + b, 0)
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

test.each(['with', 'without'])(
  `heap and disk stay flat over ${DAYS} days of outage and churn, %s a spool`,
  {
    timeout: 20_000 + 20 * TURNS,
  },
  async (which) => {
    openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(0) }))
    const options = which === 'with' ? { spoolDirectory: directoryOfThisTest() } : {}
    const delta = new Backend(AggregationTemporality.DELTA)
    const cumulative = new Backend(AggregationTemporality.CUMULATIVE)
    const reader = new BufferingMetricReader({
      adapters: [
        new PushExporterAdapter(delta, { name: 'delta', ...options }),
        new PushExporterAdapter(cumulative, { name: 'cumulative', ...options }),
      ],
      exportIntervalMillis: INTERVAL,
      cardinalityLimits: { default: 10 },
    })
    const counter = new MeterProvider({ readers: [reader] }).getMeter('outage').createCounter('churn')
    const spoolBytes = () => reader.stats().adapters.reduce((sum, { stats }) => sum + (stats.spoolBytes ?? 0), 0)

    let recorded = 0
    let mostSpoolBytes = 0
    const heap: number[] = []
    for (let turn = 1; turn <= TURNS; turn++) {
      for (let n = 0; n < 3; n++) {
        counter.add(turn + n, { turn, n })
        recorded += turn + n
      }
      await vi.advanceTimersByTimeAsync(INTERVAL)
      mostSpoolBytes = Math.max(mostSpoolBytes, spoolBytes())
      if (turn % Math.floor(TURNS / SAMPLES) === 0) heap.push(heapUsed())
    }
    const growth = heap.at(-1)! - heap[SAMPLES / 2]!
    console.log(
      `outage of ${DAYS} days, ${which} a spool: ${TURNS} turns, ${delta.calls} attempts, at most ${mostSpoolBytes} bytes on disk, ` +
        `heap ${growth > 0 ? '+' : ''}${(growth / 1024).toFixed(0)} KiB in the second half`,
    )
    expect(growth).toBeLessThan(MOST_HEAP_GROWTH_BYTES)
    expect(mostSpoolBytes).toBeLessThan(MOST_DISK_BYTES)
    if (which === 'with') expect(mostSpoolBytes).toBeGreaterThan(0)
    expect(delta.total + cumulative.total).toBe(0)

    for (const backend of [delta, cumulative]) backend.isDown = false
    await vi.advanceTimersByTimeAsync(3 * INTERVAL)
    expect([delta.total, cumulative.total]).toEqual([recorded, recorded])
    expect(delta.receiver.violations).toEqual([])
    expect(cumulative.receiver.violations).toEqual([])
    expect(reader.stats().adapters.map(({ stats }) => stats.pendingPoints)).toEqual([0, 0])
    expect(spoolBytes()).toBe(0)
  },
)

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
