import type { AdapterStats, LossReason } from '@otel-sluice/processor'
import { reasonOf } from './reason.ts'

/**
 * What an adapter counts; it never decreases. What is pending is not among it: that is counted from what is really held, so
 * that offered = delivered + pending + lost + merged + superseded is a check and not a definition.
 */
export class DeliveryCounts {
  offeredPoints = 0
  deliveredPoints = 0
  mergedPoints = 0
  supersededPoints = 0
  readonly lostPoints: Record<LossReason, number> = { rejected: 0, shutdown: 0, 'spool-unreadable': 0 }
  outcomeUnknown = 0
  outcomeUnknownPoints = 0
  attempts = 0
  failures = 0
  /** {@link reasonOf} an error: nothing else may be put here. */
  lastError: string | undefined
  lastSuccessUnixMillis: number | undefined

  failed(error: unknown): void {
    this.failures++
    this.lastError = reasonOf(error)
  }

  stats(pending: { readonly points: number; readonly parcels: number }): AdapterStats {
    return {
      offeredPoints: this.offeredPoints,
      deliveredPoints: this.deliveredPoints,
      pendingPoints: pending.points,
      mergedPoints: this.mergedPoints,
      supersededPoints: this.supersededPoints,
      filteredPoints: 0,
      lostPoints: { ...this.lostPoints },
      outcomeUnknown: this.outcomeUnknown,
      outcomeUnknownPoints: this.outcomeUnknownPoints,
      attempts: this.attempts,
      failures: this.failures,
      ...(this.lastError !== undefined && { lastError: this.lastError }),
      ...(this.lastSuccessUnixMillis !== undefined && { lastSuccessUnixMillis: this.lastSuccessUnixMillis }),
      pendingParcels: pending.parcels,
    }
  }
}
