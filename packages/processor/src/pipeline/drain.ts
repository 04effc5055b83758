import { InstrumentType } from '@opentelemetry/sdk-metrics'
import { finishAtOnce, type Slices, type TimeSlice } from '../core/time-slice.ts'
import type { CumulativeView } from '../series/cumulative-view.ts'
import type { Generation } from '../series/generation.ts'
import type { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { Series } from '../series/series.ts'
import type { Derivation } from './derivation.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'
import type { SeriesFilter } from './series-filter.ts'

/** Whoever takes the series of a frozen generation, one after the other. */
interface Consumer {
  readonly name: string
  readonly wanted: ReadonlySet<InstrumentType>
  take(series: Series, generation: Generation): void
  /** Set while it takes a series: for good, where the application ends the process from within an adapter. */
  isTaking: boolean
  /** Whether it threw in the pass before, which is reported. */
  isFailing: boolean
}

/**
 * The second half of a turn: cut, filter, process, drain into the cumulative view and every adapter, release.
 *
 * The view comes first, so that an adapter that seals sees it complete. Each consumer has its own pass over the
 * generation; one that throws loses the series it threw at and nothing else: the pass goes on, the other consumers are not
 * disturbed and do not see anything twice, and the generation is released. One that ends the process loses what is left of its
 * pass: to call it again in an `exit` handler might end the process before the others have theirs.
 */
export class Drain {
  readonly #generations: Generations
  readonly #filter: SeriesFilter
  readonly #derivation: Derivation
  readonly #slice: TimeSlice
  readonly #consumers: readonly Consumer[]
  readonly #view: CumulativeView
  readonly #adapters: readonly GuardedAdapter[]
  /** The latest drain; done, unless a turn is in the middle of it. */
  #underWay: Slices | undefined
  #faults = 0

  constructor(
    generations: Generations,
    filter: SeriesFilter,
    derivation: Derivation,
    view: CumulativeView,
    adapters: readonly GuardedAdapter[],
    slice: TimeSlice,
  ) {
    this.#generations = generations
    this.#filter = filter
    this.#derivation = derivation
    this.#slice = slice
    this.#view = view
    this.#adapters = adapters
    const fed = adapters.map(
      (adapter): Consumer => ({
        name: adapter.name,
        wanted: adapter.deltaKinds,
        take: (series, generation) => adapter.absorb(series, generation),
        isTaking: false,
        isFailing: false,
      }),
    )
    const viewed: Consumer = {
      name: 'the cumulative view',
      wanted: new Set(
        Object.values(InstrumentType).filter((kind) => adapters.some(({ deltaKinds }) => !deltaKinds.has(kind))),
      ),
      take: (series, generation) => view.absorb(series, generation),
      isTaking: false,
      isFailing: false,
    }
    this.#consumers = [viewed, ...fed]
  }

  /** How many times an adapter threw at a series it was given. */
  get faults(): number {
    return this.#adapters.reduce((sum, { asyncFaults }) => sum + asyncFaults, this.#faults)
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
    if (this.#underWay !== undefined) finish(this.#underWay)
    // Without a generation there is no new end, and cumulative points that were delivered are still the latest.
    if (this.#generations.hot.touched.length > 0) finish(this.#drain(this.#generations.freeze(), false))
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
      if (consumer.isTaking) {
        failed++
        return
      }
      consumer.isTaking = true
      try {
        consumer.take(series, frozen)
      } catch (error) {
        if (failed++ === 0) firstError = error
      }
      consumer.isTaking = false
    })
    const isReported = consumer.isFailing && !consumer.isTaking
    consumer.isFailing = failed > 0
    this.#faults += failed
    if (failed === 0 || isReported) return
    const deed = consumer.isTaking ? 'ended the process' : 'threw'
    report(
      'error',
      `sluice: ${consumer.name} ${deed} at ${failed} series of generation ${frozen.number}; they are lost to it`,
      ...(firstError === undefined ? [] : [firstError]),
    )
  }
}

/** What goes wrong must not keep the adapters from making what they have outlive the process. */
function finish(drain: Slices): void {
  try {
    finishAtOnce(drain)
  } catch (error) {
    report('error', 'sluice: the end of the process cut a turn short', error)
  }
}
