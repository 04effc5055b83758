import { AggregationTemporality, type DataPoint, DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics'

interface Taken {
  readonly start: number
  readonly end: number
  readonly value: unknown
}

/** What one series has sent in the times of one clock. */
interface DeltaSeries {
  readonly windows: Taken[]
  /** Where the windows since the clock was last set back begin. */
  from: number
}

/**
 * A receiver that adds up what it is sent, knowing nothing of how it was made: delta points count once per window,
 * cumulative ones by the latest. An identical resend is recognised by stream, attributes and times. What two instances of a
 * service send, told apart by `service.instance.id`, are different series. Time runs forward, but for steps back that were
 * announced.
 */
export class Receiver {
  /** Delta: every window of every series. Cumulative: the latest point. By `metric{attributes}`. */
  readonly #delta = new Map<string, DeltaSeries>()
  readonly #cumulative = new Map<string, Taken>()
  #setBacks = 0
  readonly #stepsBack = new Map<string, number>()
  /** What must never happen, in words: windows that overlap, a resend that differs, a point that runs backward. */
  readonly violations: string[] = []
  resentIdentical = 0
  readonly #elsewhere: Receiver | undefined

  /** @param elsewhere whose delta windows not to count again: a batch may be refused after it had arrived unnoticed */
  constructor(elsewhere?: Receiver) {
    this.#elsewhere = elsewhere
  }

  /** The clock of the senders was set back: each series may step back in time once more. */
  clockSetBack(): void {
    this.#setBacks++
  }

  take(metrics: ResourceMetrics): void {
    const instance = String(metrics.resource.attributes['service.instance.id'] ?? '')
    for (const { scope, metrics: list } of metrics.scopeMetrics) {
      for (const metric of list) {
        for (const point of metric.dataPoints as DataPoint<unknown>[]) {
          const key = seriesKey(metric.descriptor.name, point.attributes, instance)
          const taken = { start: micros(point.startTime), end: micros(point.endTime), value: point.value }
          if (taken.end <= taken.start)
            this.violations.push(`${scope.name} ${key}: end ${taken.end} not after start ${taken.start}`)
          // A gauge has no window to overlap: the latest counts, whatever the temporality.
          if (metric.aggregationTemporality === AggregationTemporality.CUMULATIVE) this.#takeCumulative(key, taken)
          else if (metric.dataPointType === DataPointType.GAUGE) this.#takeLatest(key, taken)
          else this.#takeDelta(key, taken)
        }
      }
    }
  }

  /** The sum of a series' delta values, or its latest cumulative value; histograms by their count. */
  total(name: string, attributes: Record<string, unknown> = {}, instance = ''): number {
    const key = seriesKey(name, attributes, instance)
    const latest = this.#cumulative.get(key)
    if (latest !== undefined) return amount(latest.value)
    return this.windowsOf(key).reduce((sum, taken) => sum + amount(taken.value), 0)
  }

  /** Bucket counts of an explicit histogram, added up like {@link total}. */
  buckets(name: string, attributes: Record<string, unknown> = {}): number[] {
    const key = seriesKey(name, attributes)
    const latest = this.#cumulative.get(key)
    const taken = latest === undefined ? this.windowsOf(key) : [latest]
    const sums: number[] = []
    for (const { value } of taken) {
      const { counts } = (value as { buckets: { counts: number[] } }).buckets
      counts.forEach((count, i) => {
        sums[i] = (sums[i] ?? 0) + count
      })
    }
    return sums
  }

  /** The distinct windows of a delta series, in the order in which they came, in µs. */
  windows(name: string, attributes: Record<string, unknown> = {}, instance = ''): readonly Taken[] {
    return this.windowsOf(seriesKey(name, attributes, instance))
  }

  private windowsOf(key: string): readonly Taken[] {
    return this.#delta.get(key)?.windows ?? []
  }

  #takeDelta(key: string, taken: Taken): void {
    const isSame = (other: Taken) => other.start === taken.start && other.end === taken.end
    if (this.#elsewhere?.windowsOf(key).some(isSame)) return
    const series = this.#delta.get(key) ?? { windows: [], from: 0 }
    const { windows } = series
    this.#delta.set(key, series)
    const same = windows.find(isSame)
    if (same !== undefined) {
      if (JSON.stringify(same.value) !== JSON.stringify(taken.value)) this.violations.push(`${key}: a resend differs`)
      this.resentIdentical++
      return
    }
    const last = windows.at(-1)
    if (last !== undefined && taken.start < last.end && this.#mayStepBack(key)) series.from = windows.length
    const sinceSetBack = windows.slice(series.from)
    const other = sinceSetBack.find((window) => taken.start < window.end && window.start < taken.end)
    if (other !== undefined) {
      this.violations.push(`${key}: (${taken.start}, ${taken.end}] overlaps (${other.start}, ${other.end}]`)
    }
    const before = sinceSetBack.at(-1)
    if (before !== undefined && taken.start < before.end) this.violations.push(`${key}: out of order`)
    windows.push(taken)
  }

  #takeCumulative(key: string, taken: Taken): void {
    const last = this.#cumulative.get(key)
    // A sum that is less would be a reset: a start that lies ahead may move back, and what is counted goes on.
    const isBack = last !== undefined && taken.end < last.end && taken.start <= last.start && this.#mayStepBack(key)
    if (isBack) this.#cumulative.delete(key)
    else if (last !== undefined && taken.start !== last.start)
      this.violations.push(`${key}: the start moved without a reset`)
    this.#takeLatest(key, taken)
  }

  #takeLatest(key: string, taken: Taken): void {
    const last = this.#cumulative.get(key)
    if (last === undefined || taken.end > last.end) this.#cumulative.set(key, taken)
    else if (taken.end === last.end) this.resentIdentical++
    else if (this.#mayStepBack(key)) this.#cumulative.set(key, taken)
  }

  #mayStepBack(key: string): boolean {
    const steps = this.#stepsBack.get(key) ?? 0
    if (steps >= this.#setBacks) return false
    this.#stepsBack.set(key, steps + 1)
    return true
  }
}

function seriesKey(name: string, attributes: object, instance = ''): string {
  return `${instance}${name}${JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))}`
}

function micros([seconds, nanoseconds]: readonly [number, number]): number {
  // Relative to a fixed day, so that microseconds stay exact in a double.
  return (seconds - 1_600_000_000) * 1_000_000 + nanoseconds / 1_000
}

function amount(value: unknown): number {
  return typeof value === 'number' ? value : (value as { count: number }).count
}
