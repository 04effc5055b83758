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
 * How far time may be ahead of the wall clock before it follows it back, in µs. A step back costs more than being ahead by
 * so little: receivers drop what is older than what they have (docs/decisions/0029).
 */
const MOST_AHEAD_MICROS = 60_000_000

/** In ms; what is beyond is no time, and its microseconds would not be exact. */
const LAST_WALL_MILLIS = 9e12

/**
 * Wall-clock time that never runs backward within an epoch.
 *
 * It advances with the monotonic clock and is re-anchored forward to the wall clock: after a suspend (during which the
 * monotonic clock may stand still) it catches up. When the wall clock is set back, it goes on from where it was; but when it
 * is then more than a minute ahead, it steps back to the wall clock once, which begins a new epoch. A wall clock that gives
 * no time, such as NaN, is not followed.
 */
export class Clock {
  readonly #time: TimeSource
  #wallAnchorMillis: number
  #monotonicAnchorMillis: number
  #last: UnixMicros = 0
  #setBackMicros = 0

  constructor(time: TimeSource = systemTime) {
    const wallMillis = time.wallMillis()
    this.#time = time
    this.#wallAnchorMillis = isTime(wallMillis) ? wallMillis : 0
    this.#monotonicAnchorMillis = time.monotonicMillis()
  }

  /** By how much the last {@link tick} stepped back, in µs; 0 unless it began a new epoch. */
  get setBackMicros(): number {
    return this.#setBackMicros
  }

  /** The time now; at least 1 µs later than every time that was given before in this epoch. */
  tick(): UnixMicros {
    const monotonicMillis = this.#time.monotonicMillis()
    const wallMillis = this.#time.wallMillis()
    const wallMicros = isTime(wallMillis) ? Math.floor(wallMillis * 1000) : undefined
    const elapsedMillis = monotonicMillis - this.#monotonicAnchorMillis
    let now = Math.max(Math.floor((this.#wallAnchorMillis + elapsedMillis) * 1000), this.#last + 1)
    this.#setBackMicros = 0
    if (wallMicros !== undefined && (wallMicros > now || now - wallMicros > MOST_AHEAD_MICROS)) {
      this.#setBackMicros = Math.max(0, now - wallMicros)
      this.#wallAnchorMillis = wallMillis
      this.#monotonicAnchorMillis = monotonicMillis
      now = wallMicros
    }
    this.#last = now
    return now
  }
}

/** Before 1970 there was no such clock either. */
function isTime(wallMillis: number): boolean {
  return wallMillis >= 1 && wallMillis <= LAST_WALL_MILLIS
}
