import { diag } from '@opentelemetry/api'
import type { BufferingMetricReader } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { attributesOf, history, INTERVAL, type Recorded, World } from './support/history.ts'
import type { Receiver } from './support/receiver.ts'
import type { ScriptedExporter } from './support/scripted-exporter.ts'

/**
 * The law the project exists for, over random histories: whatever exporters, callbacks and callers do, in whatever order,
 * what was recorded is delivered, still held, or lost with a reason, and nothing is counted twice.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 300)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

beforeEach(() => {
  vi.useFakeTimers()
  diag.disable()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test(`what was recorded is delivered, held or lost with a reason, at every moment (seed ${SEED}, ${RUNS} histories)`, {
  timeout: 30_000 + 100 * RUNS,
}, async () => {
  let exports = 0
  let cutOff = 0
  let lossless = 0
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, cutOffAfterMillis, jitter }) => {
      let throws = 0
      vi.spyOn(Math, 'random').mockImplementation(() => jitter[throws++ % jitter.length]!)
      const world = new World()
      for (const step of steps) {
        await world.take(step)
        expectBalance(world.reader)
      }
      if (cutOffAfterMillis === null) {
        await world.recover()
        await world.deliver()
        for (const exporter of world.exporters) expectAllArrived(exporter, exporter === world.cumulative, world)
        expectTotals(world.recorded, (name, series) => world.pulled.total(name, attributesOf(series)))
        // What callbacks observe from now on is lost at the pull reader, which nobody asks any more.
        await world.reader.shutdown().catch(() => undefined)
      } else {
        cutOff++
        await world.cutOff(cutOffAfterMillis)
        // What is in no count of losses has to be there. (What the SDK holds behind a callback that hangs is not known.)
        const mayHang = steps.some((step) => step.do === 'callback' && step.hangs)
        for (const [i, exporter] of world.exporters.entries()) {
          const { lostPoints } = world.reader.stats().adapters[i]!.stats
          if (mayHang || lostPoints.shutdown + lostPoints.rejected > 0) continue
          lossless++
          expectAllArrived(exporter, exporter === world.cumulative, world)
        }
        await world.recover()
      }

      expectBalance(world.reader)
      for (const { stats } of world.reader.stats().adapters) {
        expect(stats.pendingPoints).toBe(0)
        expect(stats.pendingParcels).toBe(0)
      }
      // Whatever reached the receiver for the second time was counted as possibly doing so.
      const [ofDelta] = world.reader.stats().adapters
      expect(world.delta.receiver.resentIdentical).toBeLessThanOrEqual(ofDelta!.stats.outcomeUnknownPoints)
      for (const exporter of world.exporters) {
        expect(exporter.receiver.violations).toEqual([])
        // What is in a call is not sent again before that is given up after ten time-outs, but where a deadline comes before.
        if (cutOffAfterMillis === null) expect(exporter.youngestTwin).toBeGreaterThanOrEqual(10 * (INTERVAL / 2))
        exports += exporter.calls.length
      }
    }),
    { numRuns: RUNS, seed: SEED },
  )
  console.log(
    `conservation: seed ${SEED}, ${RUNS} histories (${cutOff} cut off, ${lossless} exporters without loss in these), ${exports} export calls`,
  )
})

function expectBalance(reader: BufferingMetricReader): void {
  for (const { name, stats } of reader.stats().adapters) {
    const { deliveredPoints, pendingPoints, mergedPoints, supersededPoints, filteredPoints, lostPoints } = stats
    const lost = lostPoints.rejected + lostPoints.shutdown
    expect(
      deliveredPoints + pendingPoints + mergedPoints + supersededPoints + filteredPoints + lost,
      `${name}: offered = delivered + pending + merged + superseded + filtered + lost`,
    ).toBe(stats.offeredPoints)
  }
}

/** Everything is at the receiver, but for what it refused for good; a cumulative point carries that all the same. */
function expectAllArrived(exporter: ScriptedExporter, isCumulative: boolean, { recorded, mixed }: World): void {
  const { receiver, rejected } = exporter
  expectTotals(recorded, (name, series) => {
    const attributes = attributesOf(series)
    const isDelta = !isCumulative && !(exporter === mixed && name === 'upDown')
    return receiver.total(name, attributes) + (isDelta ? rejected.total(name, attributes) : 0)
  })
  if (exporter.rejectedAnything) return
  for (const [series, value] of recorded.gauge) expect(receiver.total('gauge', attributesOf(series))).toBe(value)
  for (const [series, buckets] of recorded.histogram) expectBuckets(receiver, series, buckets)
}

function expectTotals(recorded: Recorded, arrived: (name: string, series: number) => number): void {
  for (const [series, sum] of recorded.counter) expect(arrived('counter', series)).toBe(sum)
  for (const [series, sum] of recorded.upDown) expect(arrived('upDown', series)).toBe(sum)
  for (const [series, buckets] of recorded.histogram) {
    expect(arrived('histogram', series)).toBe(buckets.reduce((a, b) => a + b, 0))
  }
}

function expectBuckets(receiver: Receiver, series: number, buckets: readonly number[]): void {
  expect(receiver.buckets('histogram', attributesOf(series))).toEqual(buckets)
}
