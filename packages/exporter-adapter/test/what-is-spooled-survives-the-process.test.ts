import assert from 'node:assert/strict'
import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Receiver } from './support/receiver.ts'
import { history, type Place, placeInMemory, realPlace, SpoolWorld } from './support/spool-history.ts'
import type { Kind, SpoolingProcess } from './support/spooling-process.ts'

/**
 * The law of the spool, over random histories of processes that die, disks that fail or lose their power, and exporters
 * that do what they like: what `flush()` has resolved for arrives, and nothing is counted twice. Each history ends with a
 * process that is well.
 *
 * Not required where the disk failed up to the death of a process: that nothing of it arrives twice in other windows. What
 * was saved before the disk failed is sent again by the next process, as nobody could write down that it had arrived.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 500)
const RUNS_ON_FILES = Math.min(RUNS, Number(process.env.SLUICE_RUNS_ON_FILES ?? 50))
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

// Stacks of thousands of injected faults, which nobody reads.
Error.stackTraceLimit = 0

beforeEach(() => {
  vi.useFakeTimers()
  diag.disable()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test.each<{ where: string; runs: number; place: () => Place }>([
  { where: 'in memory', runs: RUNS, place: placeInMemory },
  { where: 'on real files', runs: RUNS_ON_FILES, place: realPlace },
])(
  `what a flush has resolved for arrives, whatever dies: $runs histories $where (seed ${SEED})`,
  {
    timeout: 30_000 + 100 * (RUNS + RUNS_ON_FILES),
  },
  async ({ where, runs, place }) => {
    const seen = { processes: 0, onIllDisks: 0, acknowledged: 0, resent: 0, exports: 0 }
    await fc.assert(
      fc.asyncProperty(history, async ({ steps, kinds, jitter }) => {
        let throws = 0
        vi.restoreAllMocks()
        vi.useRealTimers()
        vi.useFakeTimers()
        vi.spyOn(Math, 'random').mockImplementation(() => jitter[throws++ % jitter.length]!)
        const world = new SpoolWorld(place(), kinds)
        let mayFail = false
        for (const step of steps) {
          mayFail ||= step.do === 'disk' && step.fault !== 'well'
          await world.take(step)
          for (const each of world.processes) expectBooks(each, kinds)
          if (!mayFail) for (const { spoolError } of world.process.stats()) assert.equal(spoolError, undefined)
        }
        await world.recover()

        kinds.forEach((kind, i) => {
          for (const each of world.processes) expectArrived(world, each, i)
          const wereWell = world.processes.every(({ last }) => last[i]!.spoolError === undefined)
          const unknown = world.processes.reduce((sum, { last }) => sum + last[i]!.outcomeUnknown, 0)
          const { resentIdentical } = world.backends[i]!.receiver
          // In batches of three points. A cumulative point may come again without a word.
          if (wereWell && kind === 'delta') expect(resentIdentical).toBeLessThanOrEqual(3 * unknown)
          expect(world.process.last[i]).toMatchObject({ pendingPoints: 0, spoolBytes: 0 })
          seen.onIllDisks += world.processes.filter(({ last }) => last[i]!.spoolError !== undefined).length
          seen.resent += resentIdentical
        })
        expect(world.left).toEqual([])
        vi.clearAllTimers()
        seen.processes += world.processes.length
        for (const { acknowledged, exporters } of world.processes) {
          for (const totals of acknowledged) seen.acknowledged += totals.size
          seen.exports += exporters.reduce((calls, each) => calls + each.calls.length, 0)
        }
      }),
      { numRuns: runs, seed: SEED },
    )
    console.log(`spool: seed ${SEED}, ${runs} histories ${where}, ${JSON.stringify(seen)}`)
  },
)

/** Without vitest's expectations, which would take as long as the history itself. */
function expectBooks(process: SpoolingProcess, kinds: readonly Kind[]): void {
  const { exporters, instance } = process
  process.stats().forEach((stats, i) => {
    const { deliveredPoints, pendingPoints, mergedPoints, supersededPoints, filteredPoints, lostPoints } = stats
    const lost = lostPoints.rejected + lostPoints.shutdown + lostPoints['spool-unreadable']
    const what = `${instance}${kinds[i]}`
    const booked = deliveredPoints + pendingPoints + mergedPoints + supersededPoints + filteredPoints + lost
    assert.equal(booked, stats.offeredPoints, what)
    // One that died may not have had the answer.
    if (process.isDead) assert(lostPoints.rejected <= exporters[i]!.rejectedPoints, what)
    else assert.equal(lostPoints.rejected, exporters[i]!.rejectedPoints, what)
    assert.equal(lostPoints['spool-unreadable'], 0, what)
  })
}

function expectArrived(
  { backends, kinds }: SpoolWorld,
  { instance, recorded, acknowledged, last }: SpoolingProcess,
  i: number,
) {
  const { receiver, rejected } = backends[i]!
  const wasWell = last[i]!.spoolError === undefined
  const violations = receiver.violations.filter((each) => each.includes(instance))
  if (wasWell) expect(violations).toEqual([])
  for (const [key, total] of recorded) {
    const [name, series] = key.split(' ') as [string, string]
    const isCumulative = kinds[i] === 'cumulative' || (kinds[i] === 'mixed' && name === 'upDown')
    const at: SeriesAt = [name, { series: Number(series) }, instance]
    const what = `${instance}${kinds[i]} ${key}`
    const arrived = isCumulative
      ? Math.max(receiver.total(...at), rejected.total(...at))
      : arrivedOrRejected(receiver, rejected, at)
    const safe = acknowledged[i]!.get(key) ?? 0
    assert(arrived >= safe, `${what}: ${safe} were acknowledged, ${arrived} arrived`)
    if (wasWell) assert(arrived <= total, `${what}: ${total} were recorded, ${arrived} arrived`)
  }
}

/** A window may be refused by the receiver before, or after, it has taken it: it counts once. */
function arrivedOrRejected(receiver: Receiver, rejected: Receiver, [name, attributes, instance]: SeriesAt): number {
  const windows = new Map(
    [...rejected.windows(name, attributes, instance), ...receiver.windows(name, attributes, instance)].map((each) => [
      `${each.start} ${each.end}`,
      typeof each.value === 'number' ? each.value : (each.value as { count: number }).count,
    ]),
  )
  return [...windows.values()].reduce((a, b) => a + b, 0)
}

type SeriesAt = readonly [name: string, attributes: { readonly series: number }, instance: string]
