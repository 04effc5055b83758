import type { Series } from '@otel-sluice/processor'
import { report } from '@otel-sluice/processor'
import type { Conflict, Family } from './families.ts'
import type { SharedOutcome } from './shared-points.ts'

/** Most warnings that are remembered as given. */
const MOST_REMEMBERED = 1000

/** Characters of an attribute set, in warnings. */
const MOST_SHOWN = 1000

/** What could not be exposed as it is in one format: said once, and counted as it is now. */
export class Conflicts {
  readonly #name: string
  readonly #said: Set<string>
  /** How many streams are left out. */
  droppedMetrics = 0
  #leftOut = 0
  readonly #merged = new Map<string, number>()
  readonly #dropped = new Map<string, number>()

  /** @param said what was said already, in whatever format */
  constructor(name: string, said: Set<string>) {
    this.#name = name
    this.#said = said
  }

  /** How many series are part of another one. */
  get mergedSeries(): number {
    return total(this.#merged)
  }

  /** How many series are left out: those and what the format has no way to say. */
  get droppedSeries(): number {
    return total(this.#dropped) + this.#leftOut
  }

  /** A rendering begins. */
  begin(): void {
    this.#leftOut = 0
  }

  /** A series that the format has no way to say. */
  leftOut({ stream }: Series, format: 'protobuf' | 'OpenMetrics', reason: string): void {
    this.#leftOut++
    this.#sayOnce(`${JSON.stringify(stream.descriptor.name)} has series that are not exposed in ${format}: ${reason}`)
  }

  /** @param conflicts all there are now */
  ofNames(conflicts: readonly Conflict[]): void {
    this.droppedMetrics = conflicts.filter(({ dropsStream }) => dropsStream).length
    // Families may have gone.
    this.#merged.clear()
    this.#dropped.clear()
    for (const { message } of conflicts) this.#sayOnce(message)
  }

  ofSeries({ name }: Family, { merged, dropped, example }: SharedOutcome): void {
    this.#merged.set(name, merged)
    this.#dropped.set(name, dropped)
    if (merged + dropped === 0) return
    const [first, second] = example.map(({ points, index }) => {
      const { stream, attributes } = points.series[index]!
      return `${JSON.stringify(stream.descriptor.name)} ${JSON.stringify(attributes).slice(0, MOST_SHOWN)}`
    })
    const what = dropped > 0 ? 'only the first is exposed' : 'they are exposed as one'
    this.#sayOnce(`series of ${name} have the same labels, and ${what}`, ` (${first} and ${second})`)
  }

  #sayOnce(message: string, detail = ''): void {
    if (this.#said.has(message) || this.#said.size >= MOST_REMEMBERED) return
    this.#said.add(message)
    report('warn', `sluice: ${this.#name}: ${message}${detail}`)
  }
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((a, b) => a + b, 0)
}
