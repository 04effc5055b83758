/**
 * How long to wait before what may have arrived is sent again, and between the attempts of a shutdown that has time left. Points
 * that are known not to have arrived are tried at every interval, whatever the backoff.
 */
export interface RetryOptions {
  /** Most ms to wait after the first failure. Default 1000. */
  readonly initialBackoffMillis?: number
  /** Most ms to wait after any number of failures. Default 30 000, or the initial backoff where that is longer. */
  readonly maxBackoffMillis?: number
}

/** A second is what gRPC waits before it connects again; half a minute is where the OpenTelemetry Collector stops doubling. */
const INITIAL_BACKOFF_MILLIS = 1_000
const MAX_BACKOFF_MILLIS = 30_000

/**
 * Exponential backoff with full jitter: after n failures in a row a random time below min(max, initial × 2^(n - 1)), so that
 * the clients of a receiver that comes back do not all come at once.
 */
export class Backoff {
  readonly #initialMillis: number
  readonly #maxMillis: number

  constructor({ initialBackoffMillis = INITIAL_BACKOFF_MILLIS, maxBackoffMillis }: RetryOptions = {}) {
    this.#initialMillis = initialBackoffMillis
    this.#maxMillis = maxBackoffMillis ?? Math.max(MAX_BACKOFF_MILLIS, initialBackoffMillis)
  }

  /** @param failures how many there were in a row, from 1 on */
  millisAfter(failures: number): number {
    return Math.random() * Math.min(this.#maxMillis, this.#initialMillis * 2 ** (failures - 1))
  }
}
