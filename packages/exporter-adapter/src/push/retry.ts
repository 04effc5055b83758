/** How long to leave a receiver alone after failures. */
export interface RetryOptions {
  /** Most ms to wait after the first failure. Default 1000. */
  readonly initialBackoffMillis?: number
  /** Most ms to wait after any number of failures. Default 30 000, or the initial backoff where that is longer. */
  readonly maxBackoffMillis?: number
}

/**
 * A second is what gRPC waits before it connects again; half a minute is where the OpenTelemetry Collector stops doubling,
 * and below the default interval of a minute: so it thins out the attempts of those who export every few seconds, adds none
 * to the wait of those who export each minute, and nobody waits longer than half a minute and an interval after an outage.
 */
const INITIAL_BACKOFF_MILLIS = 1_000
const MAX_BACKOFF_MILLIS = 30_000

/**
 * When the next attempt may start: exponential backoff with full jitter. After n failures in a row it is a random time
 * below min(max, initial × 2^(n - 1)) away, so that the clients of a receiver that comes back do not all come at once.
 */
export class RetryClock {
  readonly #initialMillis: number
  readonly #maxMillis: number
  #failuresInARow = 0
  #notBeforeMillis = Number.NEGATIVE_INFINITY

  constructor({ initialBackoffMillis = INITIAL_BACKOFF_MILLIS, maxBackoffMillis }: RetryOptions = {}) {
    this.#initialMillis = initialBackoffMillis
    this.#maxMillis = maxBackoffMillis ?? Math.max(MAX_BACKOFF_MILLIS, initialBackoffMillis)
  }

  /** Failures since the last success. */
  get failuresInARow(): number {
    return this.#failuresInARow
  }

  /** Ms until the next attempt may start; 0 when it may start now. */
  get remainingMillis(): number {
    return Math.max(0, this.#notBeforeMillis - performance.now())
  }

  failed(): void {
    const ceilingMillis = Math.min(this.#maxMillis, this.#initialMillis * 2 ** this.#failuresInARow)
    this.#failuresInARow++
    this.#notBeforeMillis = performance.now() + Math.random() * ceilingMillis
  }

  succeeded(): void {
    this.#failuresInARow = 0
    this.#notBeforeMillis = Number.NEGATIVE_INFINITY
  }
}
