import { EXPIRY_MILLIS, RENEWAL_MILLIS } from './lease.ts'

/**
 * Notices that the wall clock of this machine has jumped, or that the machine was suspended: the monotonic clock does not
 * go along. By the wall clock the leases of the living have run out then, until they renew them.
 */
export class WallJumps {
  #aheadMillis = Date.now() - performance.now()
  #noticedMillis = Number.NEGATIVE_INFINITY

  /** To be called with each renewal, too, so that a jump is noticed soon. Whether there was one within the time of a lease. */
  look(): boolean {
    const nowMillis = performance.now()
    const aheadMillis = Date.now() - nowMillis
    if (Math.abs(aheadMillis - this.#aheadMillis) > RENEWAL_MILLIS) this.#noticedMillis = nowMillis
    this.#aheadMillis = aheadMillis
    return nowMillis - this.#noticedMillis < EXPIRY_MILLIS
  }
}
