import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Receiver } from './support/receiver.ts'
import { history, SpoolWorld } from './support/spool-history.ts'
import { KINDS, type SpoolingProcess } from './support/spooling-process.ts'

/**
 * The law of the spool, over random histories of processes that die, disks that fail and exporters that do what they like:
 * what `flush()` has resolved for arrives, and nothing is counted twice. Each history ends with a process that is well.
 *
 * Not required where the disk failed up to the death of a process: that nothing of it arrives twice in other windows. What
 * was saved before the disk failed is sent again by the next process, as nobody could write down that it had arrived.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 100)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

beforeEach(() => {
  vi.useFakeTimers()
  diag.disable()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test(`what a flush has resolved for arrives, whatever dies (seed ${SEED}, ${RUNS} histories)`, {
  timeout: 30_000 + 200 * RUNS,
}, async () => {
  const seen = { processes: 0, onIllDisks: 0, acknowledged: 0, resent: 0, exports: 0 }
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, jitter }) => {
      let throws = 0
      vi.restoreAllMocks()
      vi.useRealTimers()
      vi.useFakeTimers()
      vi.spyOn(Math, 'random').mockImplementation(() => jitter[throws++ % jitter.length]!)
      const world = new SpoolWorld()
      try {
        let mayFail = false
        for (const step of steps) {
          mayFail ||= step.do === 'disk' && step.fault !== 'well'
          await world.take(step)
          for (const each of world.processes) for (const i of KINDS.keys()) expectBooks(each, i)
          if (!mayFail) for (const { spoolError } of world.process.stats()) expect(spoolError).toBeUndefined()
        }
        await world.recover()

        KINDS.forEach((kind, i) => {
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
        expect(leftOver(world.directory)).toEqual([])
        seen.processes += world.processes.length
        for (const { acknowledged, exporters } of world.processes) {
          seen.acknowledged += acknowledged[0]!.size
          seen.exports += exporters.reduce((calls, each) => calls + each.calls.length, 0)
        }
      } finally {
        vi.clearAllTimers()
        world.remove()
      }
    }),
    { numRuns: RUNS, seed: SEED },
  )
  console.log(`spool: seed ${SEED}, ${RUNS} histories, ${JSON.stringify(seen)}`)
})

function expectBooks(process: SpoolingProcess, i: number): void {
  const { exporters, instance } = process
  const stats = process.stats()[i]!
  const { deliveredPoints, pendingPoints, mergedPoints, supersededPoints, filteredPoints, lostPoints } = stats
  const lost = lostPoints.rejected + lostPoints.shutdown + lostPoints['spool-unreadable']
  const what = `${instance}${KINDS[i]}`
  expect(deliveredPoints + pendingPoints + mergedPoints + supersededPoints + filteredPoints + lost, what).toBe(
    stats.offeredPoints,
  )
  // One that died may not have had the answer.
  if (process.isDead) expect(lostPoints.rejected, what).toBeLessThanOrEqual(exporters[i]!.rejectedPoints)
  else expect(lostPoints.rejected, what).toBe(exporters[i]!.rejectedPoints)
  expect(lostPoints['spool-unreadable'], what).toBe(0)
}

function expectArrived(
  { backends }: SpoolWorld,
  { instance, recorded, acknowledged, last }: SpoolingProcess,
  i: number,
) {
  const { receiver, rejected } = backends[i]!
  const wasWell = last[i]!.spoolError === undefined
  const violations = receiver.violations.filter((each) => each.includes(instance))
  if (wasWell) expect(violations).toEqual([])
  for (const [key, total] of recorded) {
    const [name, series] = key.split(' ') as [string, string]
    const isCumulative = KINDS[i] === 'cumulative' || (KINDS[i] === 'mixed' && name === 'upDown')
    const at: SeriesAt = [name, { series: Number(series) }, instance]
    const what = `${instance}${KINDS[i]} ${key}`
    const arrived = isCumulative
      ? Math.max(receiver.total(...at), rejected.total(...at))
      : arrivedOrRejected(receiver, rejected, at)
    const safe = acknowledged[i]!.get(key) ?? 0
    expect(arrived, what).toBeGreaterThanOrEqual(safe)
    if (wasWell) expect(arrived, what).toBeLessThanOrEqual(total)
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

/** What lies in the folders of the adapters. */
function leftOver(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => dirname(path) !== '.')
}

type SeriesAt = readonly [name: string, attributes: { readonly series: number }, instance: string]
