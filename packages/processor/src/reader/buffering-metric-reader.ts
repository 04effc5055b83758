import {
  AggregationTemporality,
  type CollectionResult,
  type MetricProducer,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import type { MetricsBuffer } from '../buffer/metrics-buffer.ts'
import { LONGEST_TIMER_MILLIS, TIMED_OUT, timeoutOf, within } from '../core/deadline.ts'
import { TimeSlice } from '../core/time-slice.ts'
import { Deliveries } from '../pipeline/deliveries.ts'
import type { Demand } from '../pipeline/delivery-schedule.ts'
import { Derivation } from '../pipeline/derivation.ts'
import { Drain } from '../pipeline/drain.ts'
import type { AdapterStats } from '../pipeline/exporter-adapter.ts'
import type { GuardedAdapter } from '../pipeline/guarded-adapter.ts'
import { SeriesFilter } from '../pipeline/series-filter.ts'
import { limitOf } from '../series/cardinality.ts'
import { CumulativeView } from '../series/cumulative-view.ts'
import { report, reportAfter, tellWaiting } from '../series/report.ts'
import { attachedReader, type ReaderParts } from './attached-reader.ts'
import { CheckedProducer } from './checked-producer.ts'
import { Collection } from './collection.ts'
import { type EndingReader, Exit } from './exit.ts'
import { failed, notRegistered } from './reader-errors.ts'
import { type BufferingMetricReaderOptions, type ReaderSettings, resolveOptions } from './reader-options.ts'
import type { ReaderStats } from './reader-stats.ts'
import { resourceBehind } from './resource-wait.ts'
import { guardedSelector, withReadableErrors } from './sdk-guards.ts'
import { SelfObservation } from './self-observation.ts'
import { Turns } from './turns.ts'

/**
 * A `MetricReader` that feeds any number of exporters from one collection and loses nothing on the way.
 *
 * It asks the SDK for delta of every kind, folds what it gets into the hot generation, and in each turn freezes that,
 * drains it into every adapter and releases it; adapters hold their data until it is delivered. Register it like any
 * other reader: `new MeterProvider({ readers: [reader] })`.
 *
 * @throws TypeError or RangeError from the constructor, naming the option and the value
 */
export class BufferingMetricReader extends MetricReader {
  /** The fast instruments: what is recorded through them is flushed in the same turns. */
  readonly buffer: MetricsBuffer
  readonly #settings: ReaderSettings
  readonly #slice = new TimeSlice(reportAfter)
  readonly #cumulative: CumulativeView
  readonly #producers: readonly CheckedProducer[]
  readonly #collection: Collection
  readonly #filter: SeriesFilter
  readonly #derivation: Derivation
  readonly #drain: Drain
  readonly #turns: Turns
  readonly #deliveries: Deliveries
  readonly #selfObservation: SelfObservation | undefined
  readonly #timers: NodeJS.Timeout[] = []
  #registered = false
  #shutdown: Promise<void> | undefined
  #isOver = false
  readonly #exit: Exit | undefined

  constructor(options: BufferingMetricReaderOptions) {
    const settings = resolveOptions(options)
    super({
      aggregationSelector: guardedSelector(settings.aggregationSelector),
      aggregationTemporalitySelector: () => AggregationTemporality.DELTA,
      // The SDK overflows one series before its limit is reached.
      cardinalitySelector: (kind) => limitOf(settings.cardinalityLimits, kind) + 1,
      otelComponentType: 'sluice_buffering_metric_reader',
    })
    this.#settings = settings
    settings.buffer.attach(settings)
    this.buffer = settings.buffer
    this.#cumulative = new CumulativeView(this.#slice, settings.staleAfterMillis)
    this.#producers = settings.metricProducers.map(
      (producer, i) => new CheckedProducer(producer, `metricProducers[${i}]`, settings.buffer.countDropped),
    )
    const checked = { ...settings, metricProducers: this.#producers }
    this.#collection = new Collection((collectOptions) => super.collect(collectOptions), checked, this.#slice)
    this.#filter = new SeriesFilter(settings.metricFilter, this.#slice)
    this.#derivation = new Derivation(settings.processors, this.#slice)
    this.#drain = new Drain(
      settings.buffer.generations,
      this.#filter,
      this.#derivation,
      this.#cumulative,
      settings.adapters,
      this.#slice,
    )
    this.#deliveries = new Deliveries(settings.adapters, settings.exportIntervalMillis)
    const { exitTimeoutMillis } = settings
    if (exitTimeoutMillis !== undefined) this.#exit = new Exit(this.#ending(), exitTimeoutMillis)
    if (settings.selfObservation) {
      this.#selfObservation = new SelfObservation(this.buffer, settings.adapters, () => this.#slice.longestMillis)
    }
    this.#turns = new Turns(settings, this.#collection, this.#drain, this.#deliveries, this.#selfObservation)
  }

  /**
   * One whole turn that starts after the call: resolves when every adapter holds what was recorded before it. Exports
   * nothing by itself. Calls that wait for the same turn share it.
   *
   * @throws Error when an adapter that makes what it holds outlive the process has failed to, or has not done so in two minutes
   */
  async flush(): Promise<void> {
    if (!this.#registered) throw notRegistered('flush')
    if (this.#shutdown !== undefined) throw new Error('BufferingMetricReader: flush() after shutdown')
    const unsafe = await this.#turns.requestOrYounger()
    if (unsafe.length > 0) throw failed('flush', undefined, unsafe)
  }

  /**
   * A turn, then delivery of everything that was recorded before the call, by every adapter.
   *
   * @param options.timeoutMillis when to stop waiting; what is undelivered by then stays held and is sent later. Default: twice
   * the collect and export time-outs together
   * @throws Error that says how many points are undelivered, and why
   */
  override async forceFlush(options?: { timeoutMillis?: number }): Promise<void> {
    if (!this.#registered) throw notRegistered('forceFlush')
    if (this.#shutdown !== undefined) {
      report('warn', 'sluice: forceFlush() after shutdown does nothing')
      // It has the answer to what was recorded before it, as soon as it is over.
      const done = await within(this.#shutdown, timeoutOf(options?.timeoutMillis) ?? Number.POSITIVE_INFINITY)
      if (done === TIMED_OUT) throw new Error('BufferingMetricReader: forceFlush: shutdown is still under way')
      return
    }
    await this.#keepingAlive(() => this.#flushAll(timeoutOf(options?.timeoutMillis)))
  }

  /**
   * Delivers like {@link forceFlush}, then shuts every exporter down. Later calls get the same promise.
   *
   * @param options.timeoutMillis until when to try again what fails; what is undelivered by then is lost, and counted as
   * `shutdown`. Default: everything is tried once, and waited for no longer than twice the collect and export time-outs together
   * @throws Error that says how many points were lost, and why
   */
  override shutdown(options?: { timeoutMillis?: number }): Promise<void> {
    this.#shutdown ??= this.#keepingAlive(() => this.#close(timeoutOf(options?.timeoutMillis))).finally(() => {
      this.#isOver = true
      this.#exit?.release()
    })
    return this.#shutdown
  }

  /**
   * What the SDK and the producers give just now; the SDK's as delta. It counts towards the next turn all the same, so
   * nothing is lost by it.
   *
   * @throws Error when the reader is not registered or shut down, or when the SDK failed or did not finish in time
   */
  override async collect(options?: { timeoutMillis?: number }): Promise<CollectionResult> {
    if (!this.#registered) throw notRegistered('collect')
    if (this.#shutdown !== undefined) throw new Error('BufferingMetricReader: collect() after shutdown')
    const timeoutMillis = timeoutOf(options?.timeoutMillis) ?? this.#settings.collectTimeoutMillis
    return this.#turns.between(() => this.#collection.collectByHand(timeoutMillis))
  }

  /** Counts and times since the start; cheap enough to call at any time. */
  stats(): ReaderStats {
    return {
      turns: this.#turns.count,
      streams: this.buffer.streams.size,
      series: this.buffer.streams.seriesCount,
      droppedMeasurements: this.buffer.droppedMeasurements,
      collectErrors: this.#producers.reduce((sum, { unreadable }) => sum + unreadable, this.#collection.errors),
      lateCollections: this.#collection.late,
      adapterFaults: this.#drain.faults,
      ...(this.#turns.last && { lastTurn: this.#turns.last }),
      longestSliceMillis: this.#slice.longestMillis,
      adapters: this.#settings.adapters.map((adapter) => ({ name: adapter.name, stats: this.#statsOf(adapter) })),
    }
  }

  override setMetricProducer(metricProducer: MetricProducer): void {
    this.#collection.resource ??= resourceBehind(metricProducer)
    super.setMetricProducer(withReadableErrors(metricProducer))
    this.#registered = true
  }

  protected override onInitialized(): void {
    if (this.#shutdown !== undefined) throw new Error('BufferingMetricReader: registered after shutdown')
    this.#attach()
    this.#exit?.watch()
    const { tickMillis } = this.#deliveries
    if (tickMillis !== undefined) this.#every(tickMillis, () => this.#exportTurn(tickMillis))
    const { collectIntervalMillis } = this.#settings
    if (collectIntervalMillis !== undefined) this.#every(collectIntervalMillis, () => this.#collectBetweenTurns())
  }

  // The base class calls these from the methods that are overridden above.
  protected override onForceFlush(): Promise<void> {
    return this.forceFlush()
  }

  protected override onShutdown(): Promise<void> {
    return this.shutdown()
  }

  /** What a filter or a processor drops reaches no adapter; it counts as offered to each and filtered. */
  #statsOf(adapter: GuardedAdapter): AdapterStats {
    const stats = adapter.stats()
    const filtered = this.#collection.filtered + this.#filter.filtered + this.#derivation.filtered
    return {
      ...stats,
      offeredPoints: stats.offeredPoints + filtered,
      filteredPoints: stats.filteredPoints + filtered,
    }
  }

  #exportTurn(tickMillis: number): void {
    // Asked now: a delivery that ends during the turn belongs to the interval before.
    const due = this.#deliveries.takeDue(tickMillis)
    this.#turns.request().then(
      () => {
        for (const schedule of due) schedule.start()
      },
      (error: unknown) => report('error', 'sluice: a turn failed', error),
    )
  }

  #collectBetweenTurns(): void {
    if (this.#turns.isBusy) return
    void this.#turns.between(() => this.#collection.collect(this.#settings.collectTimeoutMillis))
  }

  /** Every delivery after a turn; resolves to what went wrong. */
  async #deliverAfter(turn: Promise<unknown>, demand: Demand): Promise<unknown[]> {
    const delivered = turn.then(
      () => this.#deliveries.all(demand),
      (error: unknown) => [error],
    )
    const timeoutMillis = demand.deadlineMillis - performance.now()
    const failures = await within(delivered, timeoutMillis)
    return failures === TIMED_OUT ? [new Error(`not done within ${Math.round(timeoutMillis)} ms`)] : failures
  }

  async #flushAll(timeoutMillis = this.#settings.flushTimeoutMillis): Promise<void> {
    const demand = {
      deadlineMillis: performance.now() + timeoutMillis,
      isLast: false,
      retries: false,
      turn: () => this.#turns.request(),
    }
    const failures = await this.#deliverAfter(this.#turns.request(), demand)
    if (failures.length === 0) return
    const pending = this.#deliveries.pending()
    throw failed('forceFlush', pending && `left undelivered: ${pending}`, failures)
  }

  async #close(timeoutMillis: number | undefined): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    const deadlineMillis = performance.now() + (timeoutMillis ?? this.#settings.flushTimeoutMillis)
    const failures: unknown[] = []
    // A reader that was never registered has nothing to deliver, but its exporters may hold sockets and timers.
    if (this.#registered) {
      let isTurned = false
      const turn = this.#turns.request().then(() => {
        isTurned = true
      })
      const retries = timeoutMillis !== undefined
      const demand = { deadlineMillis, isLast: true, retries, turn: () => this.#turns.request() }
      failures.push(...(await this.#deliverAfter(turn, demand)))
      // A turn that hangs in a callback must not keep what was recorded from the adapters.
      if (!isTurned) this.#saveAtOnce()
    }
    const remainingMillis = Math.min(deadlineMillis - performance.now(), this.#settings.exportTimeoutMillis)
    failures.push(...(await this.#deliveries.shutdown(Math.max(0, remainingMillis))))
    const lost = this.#deliveries.lost()
    if (failures.length > 0 || lost !== undefined) throw failed('shutdown', lost && `lost ${lost}`, failures)
  }

  #ending(): EndingReader {
    return {
      flush: (timeoutMillis) => this.forceFlush({ timeoutMillis }),
      shutdown: (timeoutMillis) => this.shutdown({ timeoutMillis }),
      saveAtOnce: () => {
        const lost = this.#isOver ? undefined : this.#saveAtOnce()
        if (lost !== undefined) {
          report('error', `sluice: the process ends and ${lost} are lost: undelivered, and in no spool that works`)
        }
      },
    }
  }

  /**
   * Moves everything that is here into the adapters, and those make it outlive the process; says in words what is lost.
   *
   * The application may be in the middle of a turn: it may end its process from within a filter, a processor or an adapter, which
   * are then left alone (see {@link Slices}). Lines come last, as a logger may do so, too.
   */
  #saveAtOnce(): string | undefined {
    try {
      return reportAfter(() => {
        this.#collection.finishAtOnce()
        this.#drain.runAtOnce()
        return this.#deliveries.persistAtOnce()
      })
    } finally {
      tellWaiting()
    }
  }

  /**
   * Makes the adapters this reader's.
   *
   * @throws what one of them throws; those that are attached by then are shut down, and the reader is over
   */
  #attach(): void {
    const parts: ReaderParts = {
      settings: this.#settings,
      turns: this.#turns,
      cumulative: this.#cumulative,
      slice: this.#slice,
      selfObservation: this.#selfObservation,
      resource: () => this.#collection.resource,
    }
    const attached: GuardedAdapter[] = []
    try {
      for (const adapter of this.#settings.adapters) {
        adapter.attach(attachedReader(parts, adapter))
        attached.push(adapter)
      }
    } catch (error) {
      const ending = attached.map((adapter) => adapter.shutdown(this.#settings.exportTimeoutMillis))
      this.#shutdown = Promise.allSettled(ending).then(() => {})
      throw error
    }
  }

  #every(intervalMillis: number, task: () => void): void {
    const timer = setInterval(task, intervalMillis)
    timer.unref()
    this.#timers.push(timer)
  }

  /** All our timers are unref'd; a caller who waits for the end must not have the process end under it instead. */
  async #keepingAlive(task: () => Promise<void>): Promise<void> {
    const alive = setInterval(() => {}, LONGEST_TIMER_MILLIS)
    try {
      await task()
    } finally {
      clearInterval(alive)
    }
  }
}
