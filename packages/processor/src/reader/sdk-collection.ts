import { diag } from '@opentelemetry/api'
import type { CollectionResult, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { addPoint } from '../aggregation/cell.ts'
import { TIMED_OUT, within } from '../core/deadline.ts'
import type { TimeSlice } from '../core/time-slice.ts'
import type { Generations } from '../series/generation.ts'
import type { InstrumentationScope } from '../series/stream.ts'
import type { StreamRegistry } from '../series/stream-registry.ts'

/** A collection under way. Both promises resolve in any case. */
interface Collecting {
  /** The SDK is done. */
  readonly settled: Promise<unknown>
  /** The SDK is done and its result is in the hot generation; `undefined` when it failed. */
  readonly folded: Promise<CollectionResult | undefined>
}

/**
 * Brings what the SDK has aggregated into the hot generation.
 *
 * INVARIANT: the SDK forgets a delta as it hands it out, so every result is folded whenever it settles, also after the
 * deadline, and exactly once. Never is one collection started while an earlier one runs.
 */
export class SdkCollection {
  readonly #collect: (options: { timeoutMillis: number }) => Promise<CollectionResult>
  readonly #streams: StreamRegistry
  readonly #generations: Generations
  readonly #slice: TimeSlice
  #collecting: Collecting | undefined
  #resource: ResourceMetrics['resource'] | undefined
  #waitedForResource = false
  #errors = 0
  #late = 0

  constructor(
    collect: (options: { timeoutMillis: number }) => Promise<CollectionResult>,
    streams: StreamRegistry,
    generations: Generations,
    slice: TimeSlice,
  ) {
    this.#collect = collect
    this.#streams = streams
    this.#generations = generations
    this.#slice = slice
  }

  /** The MeterProvider's resource; known once something was collected. */
  get resource(): ResourceMetrics['resource'] | undefined {
    return this.#resource
  }

  /** How many callbacks or whole collections failed or timed out. */
  get errors(): number {
    return this.#errors
  }

  /** How many collections did not settle in time. */
  get late(): number {
    return this.#late
  }

  /**
   * Collects once, after waiting for a collection that was late. Resolves within `timeoutMillis` plus the time to fold;
   * never rejects.
   *
   * @returns what the SDK gave; `undefined` when it failed or did not settle in time
   */
  async collect(timeoutMillis: number): Promise<CollectionResult | undefined> {
    const deadlineMillis = performance.now() + timeoutMillis
    if (this.#collecting !== undefined) {
      if ((await within(this.#collecting.settled, timeoutMillis)) === TIMED_OUT) return this.#reportLate(timeoutMillis)
      await this.#collecting?.folded
    }
    const remainingMillis = Math.max(1, deadlineMillis - performance.now())
    const collecting = this.#start(remainingMillis)
    if ((await within(collecting.settled, remainingMillis)) === TIMED_OUT) return this.#reportLate(timeoutMillis)
    const result = await collecting.folded
    await this.#awaitResource(timeoutMillis)
    return result
  }

  #start(timeoutMillis: number): Collecting {
    const settled = this.#collect({ timeoutMillis }).catch((error: unknown) => {
      this.#reportErrors([error])
      return undefined
    })
    const folded = settled.then(async (result) => {
      try {
        if (result !== undefined) await this.#fold(result)
      } catch (error) {
        this.#reportErrors([error])
      } finally {
        this.#collecting = undefined
      }
      return result
    })
    this.#collecting = { settled, folded }
    return this.#collecting
  }

  async #fold({ resourceMetrics, errors }: CollectionResult): Promise<void> {
    this.#resource = resourceMetrics.resource
    if (errors.length > 0) this.#reportErrors(errors)
    this.#slice.begin()
    for (const { scope, metrics } of resourceMetrics.scopeMetrics) {
      for (const metric of metrics) {
        try {
          await this.#foldMetric(scope, metric)
        } catch (error) {
          // One malformed metric must not cost the others.
          this.#reportErrors([error])
        }
      }
    }
    this.#slice.end()
  }

  async #foldMetric(scope: InstrumentationScope, metric: MetricData): Promise<void> {
    if (metric.dataPoints.length === 0) return
    const stream = this.#streams.streamOf(scope, metric)
    for (const point of metric.dataPoints) {
      // Which generation is hot is asked for at each point: the loop yields, and a late collection may straddle a freeze.
      addPoint(this.#generations.hot.touch(stream.seriesFor(point.attributes)), point.value)
      if (this.#slice.spent()) await this.#slice.yield()
    }
  }

  /** Waits for asynchronous resource attributes, once; exporters that want them would otherwise be sent a part. */
  async #awaitResource(timeoutMillis: number): Promise<void> {
    const resource = this.#resource
    if (this.#waitedForResource || !resource?.asyncAttributesPending) return
    this.#waitedForResource = true
    try {
      const done = await within(Promise.resolve(resource.waitForAsyncAttributes?.()), timeoutMillis)
      if (done === TIMED_OUT) {
        diag.warn(
          `sluice: asynchronous resource attributes are not there after ${timeoutMillis} ms; exporting without them until they are`,
        )
      }
    } catch (error) {
      diag.error('sluice: asynchronous resource attributes failed; exporting without them', error)
    }
  }

  #reportErrors(errors: readonly unknown[]): void {
    this.#errors += errors.length
    diag.error(`sluice: ${errors.length} error(s) while collecting; what was collected besides is kept`, ...errors)
  }

  #reportLate(timeoutMillis: number): undefined {
    this.#late++
    diag.warn(`sluice: the SDK did not collect within ${timeoutMillis} ms; its result will count in a later turn`)
  }
}
