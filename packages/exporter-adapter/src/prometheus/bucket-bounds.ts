/**
 * The upper bounds of an explicit histogram's buckets as Prometheus can have them: numbers that ascend. The SDK and producers
 * take any, also NaN, and the same bound twice. Buckets whose bound is none become part of the next one, where their counts
 * would be in a cumulative count anyway. Of equal bounds that is the last: it has the counts of all.
 */
export class BucketBounds {
  /** Without +Inf, which every histogram has. */
  readonly bounds: readonly number[]
  /** Of each bucket that is there, the last of the given ones that are part of it; `undefined` where they are the same. */
  readonly #lastOf: readonly number[] | undefined

  constructor(boundaries: readonly number[]) {
    if (boundaries.every((bound, i) => isBound(bound) && (i === 0 || bound > boundaries[i - 1]!))) {
      this.bounds = boundaries
      return
    }
    const bounds: number[] = []
    const lastOf: number[] = []
    for (const [i, bound] of boundaries.entries()) {
      const before = bounds.at(-1)
      if (bound === before) {
        lastOf[lastOf.length - 1] = i
      } else if (bound < Number.POSITIVE_INFINITY && !(bound < before!)) {
        // Without the sign of -0: as a text it would be another bound than 0.
        bounds.push(bound === 0 ? 0 : bound)
        lastOf.push(i)
      }
    }
    this.bounds = bounds
    this.#lastOf = [...lastOf, boundaries.length]
  }

  get areNegative(): boolean {
    return (this.bounds[0] ?? 0) < 0
  }

  /** From one count for each of the given buckets, and the sum behind them, to one for each that is there, in place. */
  gather(cells: Float64Array): void {
    if (this.#lastOf === undefined) return
    let next = 0
    for (const [i, last] of this.#lastOf.entries()) {
      let count = 0
      for (; next <= last; next++) count += cells[next]!
      cells[i] = count
    }
    cells[this.#lastOf.length] = cells[next]!
  }
}

function isBound(bound: number): boolean {
  return bound < Number.POSITIVE_INFINITY && !Object.is(bound, -0)
}

/** Whether all of them together are more than 64 bits can say. */
export function areTooMany(counts: Float64Array, length: number): boolean {
  let count = 0
  for (let i = 0; i < length; i++) count += counts[i]!
  return count >= 2 ** 64
}

/** Whether there are counts that no counter can have, as of observed histograms that fall. */
export function isAnyNegative(counts: Float64Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (!(counts[i]! >= 0)) return true
  return false
}
