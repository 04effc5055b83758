/** What a ledger needs to know of one point. */
export interface Entry {
  readonly startUnixNanos: bigint
  readonly endUnixNanos: bigint
  /** How much was measured: the value of a sum, the count of a histogram. */
  readonly amount: number
  /** The sum of the values: the same for a sum, `sum` for a histogram. */
  readonly sum: number
  /** Equal for two points exactly when their values are, bucket by bucket. */
  readonly fingerprint: string
}

/**
 * - `new`: counts.
 * - `resent`: a point that was there already, identical to the last bucket; does not count again.
 * - `doubled`: claims time that another point of the series has claimed; counts, so that sums show it.
 * - `outdated`: a cumulative point older than the latest; does not count.
 */
export type Verdict = 'new' | 'resent' | 'doubled' | 'outdated'

/** What one series has come to. */
export interface SeriesAccount {
  readonly total: number
  readonly totalSum: number
  take(entry: Entry): Verdict
}

/** Delta: every window counts once. */
export class DeltaAccount implements SeriesAccount {
  readonly #entries: Entry[] = []
  total = 0
  totalSum = 0

  take(entry: Entry): Verdict {
    let verdict: Verdict = 'new'
    for (const earlier of this.#entries) {
      if (sameWindow(earlier, entry)) {
        if (earlier.fingerprint === entry.fingerprint) return 'resent'
        verdict = 'doubled'
      } else if (overlap(earlier, entry)) {
        verdict = 'doubled'
      }
    }
    this.#entries.push(entry)
    this.total += entry.amount
    this.totalSum += entry.sum
    return verdict
  }
}

/** Cumulative: the latest point counts, and what had come together before a reset. */
export class CumulativeAccount implements SeriesAccount {
  readonly #isMonotonic: boolean
  #latest: Entry | undefined
  #beforeReset = { amount: 0, sum: 0 }

  /** @param isMonotonic whether it can only grow: then it must not fall without a new start, and resets add up */
  constructor(isMonotonic: boolean) {
    this.#isMonotonic = isMonotonic
  }

  get total(): number {
    return this.#beforeReset.amount + (this.#latest?.amount ?? 0)
  }

  get totalSum(): number {
    return this.#beforeReset.sum + (this.#latest?.sum ?? 0)
  }

  take(entry: Entry): Verdict {
    const latest = this.#latest
    if (latest !== undefined && sameWindow(latest, entry)) {
      if (latest.fingerprint === entry.fingerprint) return 'resent'
      this.#latest = entry
      return 'doubled'
    }
    if (latest !== undefined && entry.endUnixNanos <= latest.endUnixNanos) return 'outdated'
    this.#latest = entry
    if (latest === undefined || !this.#isMonotonic) return 'new'
    if (entry.startUnixNanos === latest.startUnixNanos) return entry.amount < latest.amount ? 'doubled' : 'new'
    this.#beforeReset = { amount: this.#beforeReset.amount + latest.amount, sum: this.#beforeReset.sum + latest.sum }
    return entry.startUnixNanos < latest.endUnixNanos ? 'doubled' : 'new'
  }
}

function sameWindow(a: Entry, b: Entry): boolean {
  return a.startUnixNanos === b.startUnixNanos && a.endUnixNanos === b.endUnixNanos
}

/**
 * Windows are (start, end], so neighbours may touch. One without length overlaps nothing: the SDK stamps the end when a
 * collection begins and the start of a new series when it is first recorded, which can be a moment later.
 */
function overlap(a: Entry, b: Entry): boolean {
  if (a.endUnixNanos <= a.startUnixNanos || b.endUnixNanos <= b.startUnixNanos) return false
  return a.startUnixNanos < b.endUnixNanos && b.startUnixNanos < a.endUnixNanos
}
