/** Answers without taking anything in. The part for the other protocol has a default, so either may be given alone. */
export interface Refusal {
  /** HTTP status. Default 503. */
  readonly status?: number
  /** gRPC status code. Default 14, UNAVAILABLE. */
  readonly grpcCode?: number
  /** Sent as `Retry-After` over HTTP and as a `RetryInfo` detail over gRPC. */
  readonly retryAfterSeconds?: number
}

/**
 * What goes wrong with a request.
 *
 * - `none`: nothing; it is taken in and answered.
 * - {@link Refusal}: an error status; nothing is taken in.
 * - `hang`: no answer, ever; nothing is taken in.
 * - `reset`: the connection is reset; nothing is taken in.
 * - `cut-after-taking-in`: it is taken in, then the connection is closed without an answer.
 * - `answerAfterMillis`: it is taken in, and answered that much later.
 * - `bodyAfterMillis`: it is taken in, and answered with a status at once and the rest that much later. (Over gRPC, where
 *   the status comes last, all of it comes then.)
 * - `partial-success`: it is taken in, and answered with success and a word of data points that were rejected.
 * - `garbage`: it is taken in, and answered with success and a body that is none.
 */
export type Fault =
  | 'none'
  | Refusal
  | 'hang'
  | 'reset'
  | 'cut-after-taking-in'
  | 'partial-success'
  | 'garbage'
  | { readonly answerAfterMillis: number }
  | { readonly bodyAfterMillis: number }

/** The fault that the next requests meet. */
export class FaultPlan {
  #fault: Fault = 'none'
  #timesLeft = Number.POSITIVE_INFINITY

  get current(): Fault {
    return this.#fault
  }

  /** @param times how many requests meet it, after which nothing goes wrong any more */
  set(fault: Fault, times = Number.POSITIVE_INFINITY): void {
    if (!(times >= 1)) throw new RangeError(`times must be at least 1, got ${times}`)
    this.#fault = fault
    this.#timesLeft = times
  }

  /** The fault of one request, which uses it up by one. */
  next(): Fault {
    const fault = this.#fault
    this.#timesLeft--
    if (this.#timesLeft <= 0) this.set('none')
    return fault
  }
}
