import type { CollectionResult, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { ObservableCallbacks } from '../buffer/observables.ts'
import type { TimeSlice } from '../core/time-slice.ts'
import { type CollectionCounts, CollectionSource } from '../pipeline/collection-source.ts'
import { report } from '../series/report.ts'
import { CollectionFold } from './collection-fold.ts'
import type { ReaderSettings } from './reader-options.ts'
import { ResourceWait } from './resource-wait.ts'

type Collect = (options: { timeoutMillis: number }) => Promise<CollectionResult>

/** Brings what all sources have, the SDK and the producers, into the hot generation. */
export class Collection {
  readonly #folds: CollectionFold[] = []
  /** The SDK first. */
  readonly #sources: readonly CollectionSource<CollectionResult>[]
  readonly #callbacks: ObservableCallbacks
  readonly #counts: CollectionCounts = { errors: 0, late: 0 }
  readonly #resource = new ResourceWait()

  constructor(collectSdk: Collect, settings: ReaderSettings, slice: TimeSlice) {
    this.#callbacks = settings.buffer.callbacks
    const source = (name: string, collect: Collect): CollectionSource<CollectionResult> => {
      const fold = new CollectionFold(settings, slice)
      this.#folds.push(fold)
      return new CollectionSource(
        name,
        this.#counts,
        async (options) => {
          const result = await collect(options)
          if (!Array.isArray(result?.resourceMetrics?.scopeMetrics)) throw new TypeError('it gave no metrics')
          // At once: the source has forgotten it, and the process may end before the turn gets to fold it.
          fold.take(result.resourceMetrics)
          return Array.isArray(result.errors) ? result : { ...result, errors: [] }
        },
        () => fold.fold(),
      )
    }
    this.#sources = [
      source('the SDK', async (options) => {
        const result = await collectSdk(options)
        this.#resource.resource = result.resourceMetrics.resource
        return result
      }),
      ...settings.metricProducers.map((producer, i) => source(producerName(i), (options) => producer.collect(options))),
    ]
  }

  /** The MeterProvider's resource; known once the SDK has collected. */
  get resource(): ResourceMetrics['resource'] | undefined {
    return this.#resource.resource
  }

  set resource(resource: ResourceMetrics['resource'] | undefined) {
    this.#resource.resource = resource
  }

  /** Callbacks, metrics, points and whole collections that failed. */
  get errors(): number {
    return this.#counts.errors + total(this.#folds, (fold) => fold.malformed) + this.#callbacks.counts.errors
  }

  /** Collections that did not settle in time. */
  get late(): number {
    return this.#counts.late + this.#callbacks.counts.late
  }

  /** Points that the filter dropped. */
  get filtered(): number {
    return total(this.#folds, (fold) => fold.filtered)
  }

  /** Collects from all sources and callbacks at once, and waits for the resource; within about twice `timeoutMillis`. Never rejects. */
  async collect(timeoutMillis: number): Promise<void> {
    await Promise.all([this.#collectEach(timeoutMillis), this.#callbacks.collect(timeoutMillis)])
    await this.#resource.ready(timeoutMillis)
  }

  /**
   * Collects from all sources and shows what they gave.
   *
   * @throws Error when the SDK failed or was late; a producer that did is among the errors of the result
   */
  async collectByHand(timeoutMillis: number): Promise<CollectionResult> {
    const [sdk, ...producers] = await this.#collectEach(timeoutMillis)
    if (sdk === undefined) throw missing('the SDK', timeoutMillis)
    const results = [sdk, ...producers.filter((result) => result !== undefined)]
    const failures = producers.flatMap((result, i) =>
      result === undefined ? [missing(producerName(i), timeoutMillis)] : [],
    )
    return {
      resourceMetrics: {
        resource: sdk.resourceMetrics.resource,
        scopeMetrics: results.flatMap((result) => result.resourceMetrics.scopeMetrics),
      },
      errors: [...results.flatMap((result) => result.errors), ...failures],
    }
  }

  /** Folds the rest of what sources have handed out; they hand it out once. For the end of a process. */
  finishAtOnce(): void {
    for (const fold of this.#folds) {
      try {
        fold.finishAtOnce()
      } catch (error) {
        report('error', 'sluice: the end of the process cut a collection short', error)
      }
    }
  }

  #collectEach(timeoutMillis: number): Promise<(CollectionResult | undefined)[]> {
    return Promise.all(this.#sources.map((source) => source.collect(timeoutMillis)))
  }
}

function producerName(index: number): string {
  return `metricProducers[${index}]`
}

function missing(name: string, timeoutMillis: number): Error {
  return new Error(`BufferingMetricReader: ${name} failed, or did not collect within ${timeoutMillis} ms`)
}

function total<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0)
}
