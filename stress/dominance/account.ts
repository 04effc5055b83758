import { COLLECT_TIMEOUT, LATE_VALUE, type Program } from './program.ts'
import type { Run, Wait } from './run-program.ts'
import { type Call, type SentPoint, seriesKey, windowKey } from './scripted-exporter.ts'

/** What a promise of ours may settle after its deadline, in ms. */
const GRACE_MILLIS = 150

/** What was recorded before `shutdown()` was called, by series: sums, counts of histograms, the last value of gauges. */
export function recordedBy({ steps }: Program): Map<string, number> {
  const recorded = new Map<string, number>()
  let sets = 0
  for (const step of steps) {
    if (step.do !== 'record') continue
    const key = seriesKey(step.instrument, step.series)
    const before = recorded.get(key) ?? 0
    if (step.instrument === 'gauge') recorded.set(key, ++sets)
    else recorded.set(key, before + (step.instrument === 'histogram' ? 1 : step.value))
  }
  return recorded
}

/**
 * How much of what was recorded is missing at the receiver, of calls that started before the deadline: values of counters,
 * counts of histograms, and 1 for a gauge that is not at its last value or a later one. All values are positive, so nothing
 * cancels out; what was recorded after `shutdown()` was called may be there or not.
 *
 * @param arrived whether a call counts
 */
export function missing(recorded: ReadonlyMap<string, number>, run: Run, arrived: (call: Call) => boolean): number {
  const sums = new Map<string, number>()
  const newest = new Map<string, SentPoint>()
  const windows = new Set<string>()
  for (const call of run.calls) {
    if (!arrived(call) || call.startedMillis >= run.deadlineMillis) continue
    for (const point of call.points) {
      const { series, kind, end, value } = point
      if (kind !== 'delta') {
        const last = newest.get(series)
        if (last === undefined || end >= last.end) newest.set(series, point)
        continue
      }
      // The stock reader sends nothing again, but collects twice within a millisecond, which is its clock.
      if (run.stats !== undefined && windows.has(windowKey(point))) continue
      windows.add(windowKey(point))
      sums.set(series, (sums.get(series) ?? 0) + value)
    }
  }
  let total = 0
  for (const [series, value] of recorded) {
    const latest = newest.get(series)?.value
    if (series.startsWith('gauge')) total += latest !== undefined && latest >= value ? 0 : 1
    else total += Math.abs(value - ((latest ?? sums.get(series) ?? 0) % LATE_VALUE))
  }
  return total
}

export const isIngested = ({ ingestedMillis }: Call): boolean => ingestedMillis !== undefined

/** What the receiver refused for good is nobody's fault. */
export const isIngestedOrRejected = (call: Call): boolean => isIngested(call) || call.state.answer === 'rejected'

/** What must not happen to any program: what it is called, and how it did, in words. */
export function violationsOf(program: Program, ours: Run, stock: Run): Map<string, string[]> {
  const all = { counts: ofCounts(ours), windows: ofWindows(ours), deadlines: ofDeadlines(program, ours, stock) }
  return new Map(Object.entries(all).filter(([, violations]) => violations.length > 0))
}

function ofCounts({ calls, stats, killedMillis }: Run): string[] {
  if (stats === undefined) return []
  const violations: string[] = []
  const { deliveredPoints, pendingPoints, mergedPoints, supersededPoints, filteredPoints, lostPoints } = stats
  const lost = lostPoints.rejected + lostPoints.shutdown + lostPoints['spool-unreadable']
  const accounted = deliveredPoints + pendingPoints + mergedPoints + supersededPoints + filteredPoints + lost
  if (accounted !== stats.offeredPoints)
    violations.push(`${stats.offeredPoints} points offered, ${accounted} accounted for`)
  if (pendingPoints !== 0 && killedMillis === undefined)
    violations.push(`${pendingPoints} points are pending after the shutdown`)
  const ingested = calls.filter(isIngested).flatMap(({ points }) => points.filter(({ isDelta }) => isDelta))
  const doubles = ingested.length - new Set(ingested.map(windowKey)).size
  if (doubles > stats.outcomeUnknownPoints) {
    violations.push(`${doubles} points doubled, but outcomeUnknownPoints is ${stats.outcomeUnknownPoints}`)
  }
  return violations
}

/** Over all that was sent, ingested or not. */
function ofWindows({ calls }: Run): string[] {
  const violations: string[] = []
  const sent = new Map<string, number>()
  const last = new Map<string, SentPoint>()
  for (const point of calls.flatMap(({ points }) => points)) {
    if (point.kind !== 'delta') continue
    const key = windowKey(point)
    const value = sent.get(key)
    if (value !== undefined) {
      if (value !== point.value) violations.push(`${key} is ${value} and then ${point.value}`)
      continue
    }
    const before = last.get(point.series)
    if (before !== undefined && point.start < before.end) violations.push(`${key} comes after ${windowKey(before)}`)
    if (point.end <= point.start) violations.push(`${key} is empty`)
    sent.set(key, point.value)
    last.set(point.series, point)
  }
  return violations
}

function ofDeadlines({ timeoutMillis }: Program, ours: Run, stock: Run): string[] {
  const defaultMillis = 2 * (COLLECT_TIMEOUT + timeoutMillis)
  const ownLimit = (wait: Wait) =>
    wait.timeoutMillis ?? Math.max(defaultMillis, tookMillis(stock.waits[ours.waits.indexOf(wait)]!))
  const first = ours.waits.findIndex(({ what }) => what === 'shutdown')
  const shutdown = ours.waits[first]
  const shutdownEndMillis =
    shutdown === undefined ? Number.POSITIVE_INFINITY : shutdown.startedMillis + ownLimit(shutdown)
  return ours.waits.flatMap((wait, i) => {
    // Later calls have the answer of the first shutdown, of a flush no later than they want it.
    const left = Math.max(0, shutdownEndMillis - wait.startedMillis)
    const ofLate = wait.what === 'shutdown' ? left : Math.min(left, wait.timeoutMillis ?? left)
    const limitMillis = shutdown !== undefined && i > first ? ofLate : ownLimit(wait)
    const millis = tookMillis(wait, ours.killedMillis)
    if (millis <= limitMillis + GRACE_MILLIS) return []
    return [`${wait.what} at ${wait.startedMillis} took ${millis} ms instead of ${limitMillis} at most`]
  })
}

/** @param untilMillis until when it could settle */
function tookMillis({ startedMillis, settledMillis }: Wait, untilMillis = Number.POSITIVE_INFINITY): number {
  return (settledMillis ?? untilMillis) - startedMillis
}
