import { TIMED_OUT, within } from '../core/deadline.ts'
import { report } from '../series/report.ts'

/** What a source gives: it may have failed in part. */
interface Collected {
  readonly errors: readonly unknown[]
}

/** What sources count together; a source may be gone before what it counts. */
export interface CollectionCounts {
  /** Callbacks, or whole collections, that failed or timed out. */
  errors: number
  /** Collections that did not settle in time. */
  late: number
}

/** A collection under way. Both promises resolve in any case. */
interface Collecting<Result> {
  /** The source is done. */
  readonly settled: Promise<unknown>
  /** The source is done and its result is in the hot generation; `undefined` when it failed. */
  readonly folded: Promise<Result | undefined>
}

/**
 * Something to collect from: the SDK, a `MetricProducer`, or a callback of the buffer. Each is collected on its own, so that
 * one that fails or hangs costs only its own data.
 *
 * INVARIANT: a source forgets a delta as it hands it out, so every result is folded whenever it settles, also after the
 * deadline, and exactly once. Never is one collection of a source started while an earlier one runs.
 */
export class CollectionSource<Result extends Collected> {
  readonly #counts: CollectionCounts
  readonly #name: string
  readonly #collect: (options: { timeoutMillis: number }) => Promise<Result>
  readonly #fold: (result: Result) => Promise<void>
  #collecting: Collecting<Result> | undefined
  /** What is reported already: how many errors the collection before had, and that it was late. */
  #reportedErrors = 0
  #hasReportedLate = false

  constructor(
    name: string,
    counts: CollectionCounts,
    collect: (options: { timeoutMillis: number }) => Promise<Result>,
    fold: (result: Result) => Promise<void>,
  ) {
    this.#name = name
    this.#counts = counts
    this.#collect = collect
    this.#fold = fold
  }

  /**
   * Collects once, after waiting for a collection that was late. Resolves within `timeoutMillis` plus the time to fold;
   * never rejects.
   *
   * @returns what the source gave; `undefined` when it failed or did not settle in time
   */
  async collect(timeoutMillis: number): Promise<Result | undefined> {
    const deadlineMillis = performance.now() + timeoutMillis
    if (this.#collecting !== undefined) {
      if ((await within(this.#collecting.settled, timeoutMillis)) === TIMED_OUT) return this.#reportLate(timeoutMillis)
      await this.#collecting?.folded
    }
    const remainingMillis = Math.max(1, deadlineMillis - performance.now())
    const collecting = this.#start(remainingMillis)
    if ((await within(collecting.settled, remainingMillis)) === TIMED_OUT) return this.#reportLate(timeoutMillis)
    this.#hasReportedLate = false
    return collecting.folded
  }

  #start(timeoutMillis: number): Collecting<Result> {
    const settled = this.#call(timeoutMillis).catch((error: unknown) => {
      this.#reportErrors([error])
      return undefined
    })
    const folded = settled.then(async (result) => {
      try {
        if (result === undefined) return result
        await this.#fold(result)
        this.#reportErrors(result.errors)
      } catch (error) {
        this.#reportErrors([error])
      } finally {
        this.#collecting = undefined
      }
      return result
    })
    this.#collecting = { settled, folded }
    return this.#collecting
  }

  /** A producer that throws instead of rejecting is one that rejects. */
  async #call(timeoutMillis: number): Promise<Result> {
    return this.#collect({ timeoutMillis })
  }

  /** Counts all, and tells of those that come to what the collection before had: one that fails in every turn is told of once. */
  #reportErrors(errors: readonly unknown[]): void {
    const reported = this.#reportedErrors
    this.#reportedErrors = errors.length
    this.#counts.errors += errors.length
    if (errors.length <= reported) return
    report(
      'error',
      `sluice: ${errors.length} error(s) while collecting from ${this.#name}; what was collected besides is kept`,
      ...errors,
    )
  }

  #reportLate(timeoutMillis: number): undefined {
    this.#counts.late++
    if (this.#hasReportedLate) return
    this.#hasReportedLate = true
    report(
      'warn',
      `sluice: ${this.#name} did not collect within ${timeoutMillis} ms; its result will count in a later turn`,
    )
  }
}
