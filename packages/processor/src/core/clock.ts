/** Microseconds since the Unix epoch, an integer: exact in a double until the year 2255. */
export type UnixMicros = number

/** What a {@link Clock} reads: wall time in ms since the epoch, and a monotonic time in ms since anywhere. */
export interface TimeSource {
  wallMillis(): number
  monotonicMillis(): number
}

// Looked up at each call, so that a test's fake time is seen.
const systemTime: TimeSource = {
  wallMillis: () => Date.now(),
  monotonicMillis: () => performance.now(),
}

/**
 * Wall-clock time that never runs backward.
 *
 * It advances with the monotonic clock and is re-anchored to the wall clock only forward: after a suspend (during which
 * the monotonic clock may stand still) it catches up, and when the wall clock is set back it goes on from where it was.
 */
export class Clock {
  readonly #time: TimeSource
  #wallAnchorMillis: number
  #monotonicAnchorMillis: number
  #last: UnixMicros = 0

  constructor(time: TimeSource = systemTime) {
    this.#time = time
    this.#wallAnchorMillis = time.wallMillis()
    this.#monotonicAnchorMillis = time.monotonicMillis()
  }

  /** The time now; strictly later than every time given before, by at least 1 µs. */
  tick(): UnixMicros {
    const monotonicMillis = this.#time.monotonicMillis()
    const wallMillis = this.#time.wallMillis()
    let nowMillis = this.#wallAnchorMillis + (monotonicMillis - this.#monotonicAnchorMillis)
    if (wallMillis > nowMillis) {
      this.#wallAnchorMillis = wallMillis
      this.#monotonicAnchorMillis = monotonicMillis
      nowMillis = wallMillis
    }
    this.#last = Math.max(Math.floor(nowMillis * 1000), this.#last + 1)
    return this.#last
  }
}
