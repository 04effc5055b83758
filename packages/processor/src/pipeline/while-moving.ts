import { TIMED_OUT, within } from '../core/deadline.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'

/**
 * Waits for a delivery as long as it moves, so that one that never settles holds nobody up for ever, and one that has much
 * to send is not cut off.
 *
 * @param stallMillis how long no attempt, failure or delivered point may be counted
 * @throws what the delivery rejects with, or an Error when it has not moved for so long
 */
export async function whileMoving(
  adapter: GuardedAdapter,
  delivery: Promise<void>,
  stallMillis: number,
): Promise<void> {
  for (let before = progressOf(adapter); ; ) {
    if ((await within(delivery, stallMillis)) !== TIMED_OUT) return
    const now = progressOf(adapter)
    if (now === before)
      throw new Error(`${adapter.name}: deliver() has neither settled nor moved for ${stallMillis} ms`)
    before = now
  }
}

/** None of them ever decreases, so their sum grows when one of them does. */
function progressOf(adapter: GuardedAdapter): number {
  const { attempts, failures, deliveredPoints } = adapter.stats()
  return attempts + failures + deliveredPoints
}
