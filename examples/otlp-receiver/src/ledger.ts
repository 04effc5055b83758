import { canonical } from './attributes.ts'
import type { PlainAttributes, ReceivedMetric } from './received-metric.ts'
import { CumulativeAccount, DeltaAccount, type Entry, type SeriesAccount } from './series-account.ts'

/** What has been taken in of one metric. */
export interface Tally {
  /** Delta points added up, and the latest cumulative ones: values of sums, counts of histograms. */
  readonly total: number
  /** The same for the sums of histograms. */
  readonly totalSum: number
  readonly points: number
  /** Points seen again, identical to the last bucket and nanosecond, and not added again; and what they would have added. */
  readonly resentPoints: number
  readonly resentTotal: number
  /** Points that claim time another point had claimed, with other values or another window; added, so sums show them. */
  readonly doubledPoints: number
  readonly doubledTotal: number
}

/**
 * Adds up what a receiver has taken in, knowing nothing of how it was sent.
 *
 * A series is a scope, name, unit, kind, temporality and attribute set. The resource is left out, because a sender may
 * learn more of its resource between two attempts: one ledger is for one sender. Gauges have no totals and are passed over.
 */
export class Ledger {
  readonly #series = new Map<string, BookedSeries>()

  take(metrics: readonly ReceivedMetric[]): void {
    for (const metric of metrics) {
      if (metric.kind === 'gauge') continue
      const stream = streamKey(metric)
      for (const point of metric.points) {
        const key = stream + canonical(point.attributes)
        let series = this.#series.get(key)
        if (series === undefined) {
          series = new BookedSeries(metric.name, point.attributes, accountFor(metric))
          this.#series.set(key, series)
        }
        series.take(entryOf(point))
      }
    }
  }

  /** Points of all metrics that were seen again, identically. */
  get resentIdentical(): number {
    return this.tally().resentPoints
  }

  /** Points of all metrics that claim time another point had claimed. */
  get doubled(): number {
    return this.tally().doubledPoints
  }

  /** Names of all metrics that have totals. */
  get metricNames(): string[] {
    return [...new Set([...this.#series.values()].map((series) => series.name))]
  }

  /**
   * Values of a sum or counts of a histogram, added up over all series and scopes that match.
   *
   * @param attributes only series that have these, among others
   */
  total(metricName: string, attributes?: PlainAttributes): number {
    return this.tally(metricName, attributes).total
  }

  /** Like {@link total}, but the sums of a histogram. */
  totalSum(metricName: string, attributes?: PlainAttributes): number {
    return this.tally(metricName, attributes).totalSum
  }

  /** Everything known of one metric, or of all. */
  tally(metricName?: string, attributes: PlainAttributes = {}): Tally {
    const wanted = Object.entries(attributes).map(([key, value]) => [key, canonical(value)] as const)
    const sum = {
      total: 0,
      totalSum: 0,
      points: 0,
      resentPoints: 0,
      resentTotal: 0,
      doubledPoints: 0,
      doubledTotal: 0,
    }
    for (const series of this.#series.values()) {
      if (metricName !== undefined && series.name !== metricName) continue
      if (!wanted.every(([key, value]) => canonical(series.attributes[key] ?? null) === value)) continue
      const tally = series.tally()
      for (const column of Object.keys(sum) as (keyof Tally)[]) sum[column] += tally[column]
    }
    return sum
  }
}

class BookedSeries {
  readonly name: string
  readonly attributes: PlainAttributes
  readonly #account: SeriesAccount
  #points = 0
  #resentPoints = 0
  #resentTotal = 0
  #doubledPoints = 0
  #doubledTotal = 0

  constructor(name: string, attributes: PlainAttributes, account: SeriesAccount) {
    this.name = name
    this.attributes = attributes
    this.#account = account
  }

  take(entry: Entry): void {
    this.#points++
    const verdict = this.#account.take(entry)
    if (verdict === 'resent') {
      this.#resentPoints++
      this.#resentTotal += entry.amount
    } else if (verdict === 'doubled') {
      this.#doubledPoints++
      this.#doubledTotal += entry.amount
    }
  }

  tally(): Tally {
    return {
      total: this.#account.total,
      totalSum: this.#account.totalSum,
      points: this.#points,
      resentPoints: this.#resentPoints,
      resentTotal: this.#resentTotal,
      doubledPoints: this.#doubledPoints,
      doubledTotal: this.#doubledTotal,
    }
  }
}

type SummedMetric = Exclude<ReceivedMetric, { kind: 'gauge' }>

function streamKey(metric: SummedMetric): string {
  const { scope, name, unit, kind, temporality } = metric
  const isMonotonic = kind === 'sum' && metric.isMonotonic
  return JSON.stringify([scope.name, scope.version, name, unit, kind, temporality, isMonotonic])
}

function accountFor(metric: SummedMetric): SeriesAccount {
  if (metric.temporality !== 'cumulative') return new DeltaAccount()
  return new CumulativeAccount(metric.kind !== 'sum' || metric.isMonotonic)
}

function entryOf(point: SummedMetric['points'][number]): Entry {
  const { attributes: _, startUnixNanos, endUnixNanos, ...values } = point
  const amount = 'value' in point ? point.value : point.count
  const sum = 'value' in point ? point.value : (point.sum ?? 0)
  return { startUnixNanos, endUnixNanos, amount, sum, fingerprint: canonical(values as PlainAttributes) }
}
