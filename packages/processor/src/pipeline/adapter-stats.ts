import type { AdapterStats } from './exporter-adapter.ts'

const NO_COUNTS = {
  offeredPoints: 0,
  deliveredPoints: 0,
  pendingPoints: 0,
  mergedPoints: 0,
  supersededPoints: 0,
  filteredPoints: 0,
  outcomeUnknown: 0,
  outcomeUnknownPoints: 0,
  attempts: 0,
  failures: 0,
  pendingParcels: 0,
} satisfies Partial<AdapterStats>

const NO_LOSSES: AdapterStats['lostPoints'] = { rejected: 0, shutdown: 0, 'spool-unreadable': 0 }

/** A copy of what an adapter gives for its stats, with 0 for counts that it leaves out; undefined where others are no numbers. */
export function readStats(given: unknown): AdapterStats | undefined {
  if (typeof given !== 'object' || given === null || 'then' in given) return undefined
  const stats: AdapterStats = { ...NO_COUNTS, lostPoints: NO_LOSSES, ...given }
  const lostPoints = { ...NO_LOSSES, ...stats.lostPoints }
  const counts = Object.keys(NO_COUNTS).map((name) => stats[name as keyof typeof NO_COUNTS])
  return [...counts, ...Object.values(lostPoints)].every(Number.isFinite) ? { ...stats, lostPoints } : undefined
}
