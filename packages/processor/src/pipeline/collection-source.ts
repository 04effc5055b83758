import { TIMED_OUT, within } from '../core/deadline.ts'
import { report } from '../series/report.ts'

/** What a source gives: it may have failed in part. */
interface Collected {
  readonly errors: readonly unknown[]
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
  readonly #name: string
  readonly #collect: (options: { timeoutMillis: number }) => Promise<Result>
  readonly #fold: (result: Result) => Promise<void>
  #collecting: Collecting<Result> | undefined
  #errors = 0
  #late = 0

  constructor(
    name: string,
    collect: (options: { timeoutMillis: number }) => Promise<Result>,
    fold: (result: Result) => Promise<void>,
  ) {
    this.#name = name
    this.#collect = collect
    this.#fold = fold
  }

  /** How many callbacks or whole collections failed or timed out. */
  get errors(): number {
    return this.#errors
  }

  /** How many collections did not settle in time. */
  get late(): number {
    return this.#late
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
    return collecting.folded
  }

  #start(timeoutMillis: number): Collecting<Result> {
    const settled = this.#call(timeoutMillis).catch((error: unknown) => {
      this.#reportErrors([error])
      return undefined
    })
    const folded = settled.then(async (result) => {
      try {
        // Folded first: a logger that throws must not cost the data.
        if (result !== undefined) await this.#fold(result)
        if (result !== undefined && result.errors.length > 0) this.#reportErrors(result.errors)
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

  #reportErrors(errors: readonly unknown[]): void {
    this.#errors += errors.length
    report(
      'error',
      `sluice: ${errors.length} error(s) while collecting from ${this.#name}; what was collected besides is kept`,
      ...errors,
    )
  }

  #reportLate(timeoutMillis: number): undefined {
    this.#late++
    report(
      'warn',
      `sluice: ${this.#name} did not collect within ${timeoutMillis} ms; its result will count in a later turn`,
    )
  }
}
