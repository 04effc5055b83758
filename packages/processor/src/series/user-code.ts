import { shown } from '../core/describe.ts'
import { ignoreRejection } from '../core/ignore-rejection.ts'
import { report } from './report.ts'

/**
 * The guarded way to call code of the application that has to answer at once: a filter, a processor, a selector, a hook. What
 * it throws, or gives where that is no answer, costs what it was asked about and nothing else: something else stands in for
 * the answer, and each of the two is reported once.
 *
 * INVARIANT: it is not called while it is called already. That is so only where the application ends the process from within
 * it, and an `exit` handler finishes what was under way: a second `process.exit()` would cut that short.
 */
export class UserCode {
  readonly #what: string
  readonly #consequence: string
  readonly #reported = new Set<string>()
  #isUnderWay = false

  /**
   * @param what names it in reports, such as `the processor x`
   * @param consequence how a report goes on after what it did, such as ` and is passed over where it does`
   */
  constructor(what: string, consequence: string) {
    this.#what = what
    this.#consequence = consequence
  }

  /**
   * Asks it once.
   *
   * @param read makes the answer of what was given, or `undefined` where that is none; it may throw, too
   * @param instead what stands in for an answer
   */
  ask<Answer>(call: () => unknown, read: (given: unknown) => Answer | undefined, instead: Answer): Answer {
    if (this.#isUnderWay) return instead
    this.#isUnderWay = true
    try {
      const given = call()
      const answer = read(given)
      if (answer !== undefined) return answer
      ignoreRejection(given)
      this.#report(`gave ${shown(given)}`)
    } catch (error) {
      this.#report('threw', error)
    } finally {
      this.#isUnderWay = false
    }
    return instead
  }

  #report(deed: string, ...errors: readonly unknown[]): void {
    const kind = errors.length === 0 ? 'gave' : 'threw'
    if (this.#reported.has(kind)) return
    this.#reported.add(kind)
    report('error', `sluice: ${this.#what} ${deed}${this.#consequence}`, ...errors)
  }
}
