import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { ExportedPoint } from './exported.ts'

/**
 * What has to hold for the times of our points (OTel data model, "Temporality"), flush point after flush point: windows
 * are not empty, those of a delta series follow each other without a gap where every turn was exported, and the start
 * of a cumulative series repeats.
 */
export class TimeLaws {
  readonly #ends = new Map<string, number>()
  readonly #starts = new Map<string, number>()
  /** When the turn before this one ended, where that is known. */
  #lastEnd: number | undefined
  #mostEnd = 0

  /** @param isOneTurn whether nothing else has collected since the last flush point */
  violations(points: readonly ExportedPoint[], isOneTurn: boolean): string[] {
    const found: string[] = []
    for (const point of points) {
      const { key, startMicros, endMicros } = point
      const report = (what: string) => found.push(`${key}: ${what} (from ${startMicros} to ${endMicros} µs)`)
      if (!(endMicros > startMicros)) report('the window is empty')
      if (startMicros % 1 !== 0 || endMicros % 1 !== 0) report('not in whole µs')
      if (point.temporality === AggregationTemporality.DELTA) this.#delta(point, isOneTurn, report)
      else this.#cumulative(point, report)
    }
    const ends = new Set(points.map(({ endMicros }) => endMicros))
    if (isOneTurn && ends.size > 1) found.push(`one turn ends at several times: ${[...ends].join()}`)
    // Of several turns the last may have moved nothing; then no point says when it ended.
    this.#lastEnd = isOneTurn && points.length > 0 ? Math.max(...ends) : undefined
    this.#mostEnd = Math.max(this.#mostEnd, ...ends)
    return found
  }

  #delta({ key, startMicros, endMicros }: ExportedPoint, isOneTurn: boolean, report: (what: string) => void): void {
    if (startMicros < this.#mostEnd) report(`starts before ${this.#mostEnd}, when the last export ended`)
    if (isOneTurn && this.#lastEnd !== undefined && startMicros !== this.#lastEnd) {
      report(`does not start at ${this.#lastEnd}, when the last export ended`)
    }
    if (endMicros <= (this.#ends.get(key) ?? 0)) report('ends no later than the window before')
    this.#ends.set(key, endMicros)
  }

  #cumulative({ key, startMicros, endMicros }: ExportedPoint, report: (what: string) => void): void {
    const started = this.#starts.get(key)
    if (started !== undefined && started !== startMicros) report(`had started at ${started}`)
    if (endMicros <= (this.#ends.get(key) ?? 0)) report('ends no later than before')
    if (started === undefined && startMicros < this.#mostEnd) report(`is new and starts before ${this.#mostEnd}`)
    this.#starts.set(key, startMicros)
    this.#ends.set(key, endMicros)
  }
}
