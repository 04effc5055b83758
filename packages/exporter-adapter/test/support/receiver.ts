import { AggregationTemporality, type DataPoint, DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics'

interface Taken {
  readonly start: number
  readonly end: number
  readonly value: unknown
}

/** The points of one series that were sent, whether or not they came in. */
interface Tries {
  /** By start and end, which of the clocks it is of: the clock may be set back. */
  readonly points: Map<string, number>
  end: number
  epoch: number
}

/**
 * A receiver that adds up what it is sent, knowing nothing of how it was made: delta points count once per window,
 * cumulative ones by the latest. An identical resend is recognised by stream, attributes and times. What two instances of a
 * service send, told apart by `service.instance.id`, are different series. Time runs forward, but for steps back that were
 * announced.
 */
export class Receiver {
  /** Delta: every window of every series. Cumulative: the latest point. By `metric{attributes}`. */
  readonly #delta = new Map<string, Taken[]>()
  readonly #cumulative = new Map<string, Taken>()
  readonly #tries = new Map<string, Tries>()
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

  /**
   * Sees that an exporter is called, whatever becomes of it: points are tried in the order of time for the first time,
   * though what is sent again may come in late. What was not seen is taken to be tried when it comes in.
   */
  tried(metrics: ResourceMetrics): void {
    for (const { key, isDelta, taken } of pointsOf(metrics)) this.#epochOf(key, taken, isDelta)
  }

  take(metrics: ResourceMetrics): void {
    for (const { key, isDelta, isGauge, taken } of pointsOf(metrics)) {
      if (taken.end <= taken.start) this.violations.push(`${key}: end ${taken.end} not after start ${taken.start}`)
      // A gauge has no window to overlap: the latest counts, whatever the temporality.
      if (isDelta) this.#takeDelta(key, taken)
      else if (isGauge) this.#takeLatest(key, taken)
      else this.#takeCumulative(key, taken)
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
    return this.#delta.get(key) ?? []
  }

  /** Which of the clocks a point is of. */
  #epochOf(key: string, { start, end }: Taken, isDelta: boolean): number {
    const tries = this.#tries.get(key) ?? { points: new Map(), end: Number.NEGATIVE_INFINITY, epoch: 0 }
    this.#tries.set(key, tries)
    const point = `${start} ${end}`
    const known = tries.points.get(point)
    if (known !== undefined) return known
    if ((isDelta ? start : end) < tries.end) {
      if (this.#mayStepBack(key)) tries.epoch++
      else if (isDelta) this.violations.push(`${key}: out of order`)
    }
    tries.end = end
    tries.points.set(point, tries.epoch)
    return tries.epoch
  }

  #takeDelta(key: string, taken: Taken): void {
    const isSame = (other: Taken) => other.start === taken.start && other.end === taken.end
    if (this.#elsewhere?.windowsOf(key).some(isSame)) return
    const windows = this.#delta.get(key) ?? []
    this.#delta.set(key, windows)
    const same = windows.find(isSame)
    if (same !== undefined) {
      if (JSON.stringify(same.value) !== JSON.stringify(taken.value)) this.violations.push(`${key}: a resend differs`)
      this.resentIdentical++
      return
    }
    const epoch = this.#epochOf(key, taken, true)
    const ofEpoch = windows.filter((window) => this.#epochOf(key, window, true) === epoch)
    const other = ofEpoch.find((window) => taken.start < window.end && window.start < taken.end)
    if (other !== undefined) {
      this.violations.push(`${key}: (${taken.start}, ${taken.end}] overlaps (${other.start}, ${other.end}]`)
    }
    windows.push(taken)
  }

  #takeCumulative(key: string, taken: Taken): void {
    const last = this.#cumulative.get(key)
    if (last !== undefined && taken.start !== last.start && !this.#mayMoveStart(key, taken, last))
      this.violations.push(`${key}: the start moved without a reset`)
    this.#takeLatest(key, taken)
  }

  /** A sum that is less would be a reset: a start that lies ahead of the right time may move back, and what is counted goes on. */
  #mayMoveStart(key: string, taken: Taken, last: Taken): boolean {
    const epochs = this.#epochOf(key, taken, false) - this.#epochOf(key, last, false)
    if (epochs === 0) return taken.start < last.start && this.#mayStepBack(key)
    return epochs > 0 ? taken.start <= last.start : taken.start >= last.start
  }

  #takeLatest(key: string, taken: Taken): void {
    const last = this.#cumulative.get(key)
    const epochs = last === undefined ? 1 : this.#epochOf(key, taken, false) - this.#epochOf(key, last, false)
    if (epochs === 0 && taken.end === last?.end) this.resentIdentical++
    else if (epochs > 0 || (epochs === 0 && taken.end > last!.end)) this.#cumulative.set(key, taken)
  }

  #mayStepBack(key: string): boolean {
    const steps = this.#stepsBack.get(key) ?? 0
    if (steps >= this.#setBacks) return false
    this.#stepsBack.set(key, steps + 1)
    return true
  }
}

function pointsOf({ resource, scopeMetrics }: ResourceMetrics) {
  const instance = String(resource.attributes['service.instance.id'] ?? '')
  return scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ descriptor, aggregationTemporality, dataPointType, dataPoints }) =>
      (dataPoints as DataPoint<unknown>[]).map(({ attributes, startTime, endTime, value }) => ({
        key: seriesKey(descriptor.name, attributes, instance),
        isGauge: dataPointType === DataPointType.GAUGE,
        isDelta: aggregationTemporality === AggregationTemporality.DELTA && dataPointType !== DataPointType.GAUGE,
        taken: { start: micros(startTime), end: micros(endTime), value },
      })),
    )
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
