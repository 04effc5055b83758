import { SharedRuns } from '../core/shared-runs.ts'
import type { Deliveries } from '../pipeline/deliveries.ts'
import type { Drain } from '../pipeline/drain.ts'
import type { Collection } from './collection.ts'
import type { ReaderSettings } from './reader-options.ts'
import type { ReaderStats } from './reader-stats.ts'
import type { SelfObservation } from './self-observation.ts'

/**
 * The turns of one reader: collect, freeze and drain, persist. One at a time; who asks for one gets one that starts after
 * the call, which all who wait for the same share.
 */
export class Turns {
  readonly #settings: ReaderSettings
  readonly #collection: Collection
  readonly #deliveries: Deliveries
  readonly #selfObservation: SelfObservation | undefined
  readonly #runs = new SharedRuns<readonly string[]>(() => this.#run())
  readonly #drains: SharedRuns<number>
  #latest: { readonly startedMillis: number; readonly done: Promise<readonly string[]> } | undefined
  /** How many have come to their end. */
  count = 0
  last: ReaderStats['lastTurn']

  constructor(
    settings: ReaderSettings,
    collection: Collection,
    drain: Drain,
    deliveries: Deliveries,
    selfObservation: SelfObservation | undefined,
  ) {
    this.#settings = settings
    this.#collection = collection
    this.#deliveries = deliveries
    this.#selfObservation = selfObservation
    this.#drains = new SharedRuns(() => drain.run())
  }

  /** Whether a turn, or work between turns, is under way or waiting. */
  get isBusy(): boolean {
    return this.#runs.busy
  }

  /** A turn that starts after the call. Resolves to why what it moved may not outlive the process, if so. */
  request(): Promise<readonly string[]> {
    return this.#runs.request()
  }

  /** The same, or the latest one where that is younger than `minFlushAgeMillis`. */
  requestOrYounger(): Promise<readonly string[]> {
    const { minFlushAgeMillis } = this.#settings
    const isYoung = this.#latest !== undefined && performance.now() - this.#latest.startedMillis < minFlushAgeMillis
    return isYoung ? this.#latest!.done : this.request()
  }

  /** Does other work while no turn is under way. */
  between<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#runs.between(work)
  }

  /** The same while nothing is drained, though a collection may be under way. */
  betweenDrains<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#drains.between(work)
  }

  #run(): Promise<readonly string[]> {
    const done = this.#turn()
    const latest = { startedMillis: performance.now(), done }
    this.#latest = latest
    // One that failed is no answer to anybody who comes later.
    done.catch(() => {
      if (this.#latest === latest) this.#latest = undefined
    })
    return done
  }

  async #turn(): Promise<readonly string[]> {
    const startedUnixMillis = Date.now()
    const startedMillis = performance.now()
    await this.#collection.collect(this.#settings.collectTimeoutMillis)
    const collectMillis = performance.now() - startedMillis
    this.#selfObservation?.record()
    const series = await this.#drains.request()
    const unsafe = await this.#deliveries.persist()
    this.count++
    const durationMillis = performance.now() - startedMillis
    this.last = { startedUnixMillis, durationMillis, collectMillis, series }
    if (series > 0) this.#selfObservation?.turned(durationMillis)
    return unsafe
  }
}
