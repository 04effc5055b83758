import { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics'
import { finishAtOnce, type Slices, type TimeSlice } from '../core/time-slice.ts'
import type { CumulativeView } from '../series/cumulative-view.ts'
import type { Generation } from '../series/generation.ts'
import type { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { Series } from '../series/series.ts'
import type { Derivation } from './derivation.ts'
import type { ExporterAdapter } from './exporter-adapter.ts'
import type { SeriesFilter } from './series-filter.ts'

const KINDS = Object.values(InstrumentType)

/** Whoever takes the series of a frozen generation, one after the other. */
interface Consumer {
  readonly name: string
  readonly wanted: ReadonlySet<InstrumentType>
  take(series: Series, generation: Generation): void
}

/**
 * The second half of a turn: cut, filter, process, drain into the cumulative view and every adapter, release.
 *
 * The view comes first, so that an adapter that seals sees it complete. Each consumer has its own pass over the
 * generation; one that throws loses the series it threw at and nothing else: the pass goes on, the other consumers are not
 * disturbed and do not see anything twice, and the generation is released.
 */
export class Drain {
  readonly #generations: Generations
  readonly #filter: SeriesFilter
  readonly #derivation: Derivation
  readonly #slice: TimeSlice
  readonly #consumers: readonly Consumer[]
  readonly #view: CumulativeView
  /** The latest drain; done, unless a turn is in the middle of it. */
  #underWay: Slices | undefined
  #faults = 0

  constructor(
    generations: Generations,
    filter: SeriesFilter,
    derivation: Derivation,
    view: CumulativeView,
    adapters: readonly ExporterAdapter[],
    slice: TimeSlice,
  ) {
    this.#generations = generations
    this.#filter = filter
    this.#derivation = derivation
    this.#slice = slice
    this.#view = view
    const fed = adapters.map((adapter): Consumer => {
      const wanted = new Set(KINDS.filter((kind) => wantsDelta(adapter, kind)))
      return {
        name: adapter.name,
        wanted,
        take: (series, generation) => adapter.absorb(series, generation),
      }
    })
    const viewed: Consumer = {
      name: 'the cumulative view',
      wanted: new Set(KINDS.filter((kind) => adapters.some((adapter) => !wantsDelta(adapter, kind)))),
      take: (series, generation) => view.absorb(series, generation),
    }
    this.#consumers = [viewed, ...fed]
  }

  /** How many times an adapter threw at a series it was given. */
  get faults(): number {
    return this.#faults
  }

  /** Cuts and drains one generation; returns how many series were touched in it. */
  async run(): Promise<number> {
    const frozen = this.#generations.freeze()
    const touched = frozen.touched.length
    this.#underWay = this.#drain(frozen, true)
    await this.#slice.run(this.#underWay)
    return touched
  }

  /**
   * Does what is left of the drain under way, then cuts and drains what was recorded since, without giving way: for the end
   * of a process.
   */
  runAtOnce(): void {
    if (this.#underWay !== undefined) finishAtOnce(this.#underWay)
    // Without a generation there is no new end, and cumulative points that were delivered are still the latest.
    if (this.#generations.hot.touched.length > 0) finishAtOnce(this.#drain(this.#generations.freeze(), false))
  }

  *#drain(frozen: Generation, isObserved: boolean): Slices {
    try {
      const passing = yield* this.#filter.passing(frozen)
      const derived = yield* this.#derivation.derive(frozen, passing)
      yield* this.#view.open(frozen, isObserved)
      for (const consumer of this.#consumers)
        yield* this.#drainInto(consumer, derived ?? frozen, derived?.touched ?? passing)
      yield* this.#view.dropStale()
      yield* this.#generations.markIdle(frozen, this.#slice)
    } finally {
      this.#generations.release(frozen)
    }
  }

  *#drainInto(consumer: Consumer, frozen: Generation, passing: readonly Series[]): Slices {
    if (consumer.wanted.size === 0) return
    let failed = 0
    let firstError: unknown
    yield* this.#slice.eachOf(passing, (series) => {
      if (!consumer.wanted.has(series.stream.kind)) return
      try {
        consumer.take(series, frozen)
      } catch (error) {
        if (failed++ === 0) firstError = error
      }
    })
    if (failed > 0) {
      this.#faults += failed
      report(
        'error',
        `sluice: ${consumer.name} threw at ${failed} series of generation ${frozen.number}; they are lost to it`,
        firstError,
      )
    }
  }
}

function wantsDelta(adapter: ExporterAdapter, kind: InstrumentType): boolean {
  return adapter.selectAggregationTemporality(kind) === AggregationTemporality.DELTA
}
