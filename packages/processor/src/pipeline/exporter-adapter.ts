import type {
  AggregationOption,
  AggregationTemporality,
  InstrumentType,
  ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { CumulativeView } from '../series/cumulative-view.ts'
import type { Generation } from '../series/generation.ts'
import type { Series } from '../series/series.ts'

/**
 * What feeds one exporter from the generations of a {@link BufferingMetricReader}. `@otel-sluice/exporter-adapter` has one
 * for every `PushMetricExporter` and one for every pull `MetricReader`; CONTRIBUTING.md shows how to write another.
 *
 * In each turn the reader calls {@link absorb} for the streams wanted as delta. An adapter with {@link deliver} is called
 * by it after a turn once its interval has passed, never while an earlier call has not settled. Cumulative points are not
 * pushed: an adapter reads them from {@link AttachedReader.cumulative} when it needs them.
 */
export interface ExporterAdapter {
  /** For stats, logs and errors. */
  readonly name: string
  /**
   * Milliseconds between two deliveries; default: the reader's. Of no meaning without {@link deliver}. Deliveries follow
   * turns, and the reader turns at the shortest interval of its adapters: other intervals are rounded to that.
   */
  readonly exportIntervalMillis?: number | undefined
  /**
   * How long one export may take, in ms; default: the reader's. Without a deadline of their own, `forceFlush()` and
   * `shutdown()` stop waiting for a {@link deliver} that has not moved for four times as long: neither `attempts` nor
   * `failures` nor `deliveredPoints` has grown.
   */
  readonly exportTimeoutMillis?: number | undefined
  /** The temporality wanted for each instrument kind; asked once per kind. Delta streams are pushed to {@link absorb}. */
  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality
  /** The aggregation wanted for each instrument kind. All adapters of one reader have to agree, or the reader decides. */
  selectAggregation(kind: InstrumentType): AggregationOption
  /**
   * Called once, when the reader is registered in a MeterProvider.
   *
   * @throws Error when it is attached already: an adapter belongs to one reader
   */
  attach(reader: AttachedReader): void
  /**
   * Takes what one series of a delta stream did in one generation. Synchronous and short: it is called for every touched
   * series, within a time slice. The generation is only valid during the call; copy what is kept (`generation.valueOf` and
   * {@link Fold} do). When it throws, this series of this generation is lost to this adapter alone, counted and reported.
   */
  absorb(series: Series, generation: Generation): void
  /**
   * Sends everything absorbed before the call, and the cumulative points as they are now. Rejects when something was not
   * delivered: it is held and sent again with the next call, or, if it cannot be delivered ever, dropped and counted. It
   * has to settle in bounded time. When it is too early to try again, it resolves
   * and goes on holding.
   */
  deliver?(options: DeliverOptions): Promise<void>
  /**
   * Does whatever else can be done for what is undelivered, at the end of a {@link deliver} that `forceFlush()` or `shutdown()`
   * has asked for, and beside one whose end would come too late for them. What it comes to counts, and not what `deliver`
   * did. Unlike that it does not keep the next interval from delivering, and may be called while an earlier call has not
   * settled. It settles in time. Rejects with what is undelivered.
   */
  flush?(options: FlushOptions): Promise<void>
  /**
   * Makes what it holds outlive the process. Called at the end of every turn, which waits for it, for two minutes at most: what
   * `flush()` has resolved for is safe, and it rejects where this does.
   */
  persist?(): Promise<void>
  /**
   * The same for the end of a process, which runs nothing asynchronous any more: called by a reader with `flushOnExit`,
   * possibly more than once, while anything else of this adapter may be under way. Never throws.
   *
   * @returns how many points are not safe, and so lost. An adapter without this method loses what is pending.
   */
  persistAtOnce?(): number
  /**
   * Shuts the exporter down. Resolves in any case, at the latest when the time is up; whatever is still held then counts
   * as lost with the reason `shutdown`.
   */
  shutdown(options: { readonly timeoutMillis: number }): Promise<void>
  stats(): AdapterStats
}

/** Who asks for a delivery. */
export interface DeliverOptions {
  /** Also try what would have waited, and flush the exporter itself: the caller is in `forceFlush()` or `shutdown()`. */
  readonly force: boolean
  /**
   * Go on trying for so many ms until all is delivered: the caller is in a `shutdown()` with a deadline, and what is
   * undelivered then is lost. Default 0: try once. An adapter may leave it out of account.
   */
  readonly retryForMillis?: number
}

/** Who asks for a flush, and until when. */
export interface FlushOptions {
  /** How long the caller waits, in ms. */
  readonly timeoutMillis: number
  /** Whether it is in `shutdown()`: what is undelivered then is lost. */
  readonly isLast: boolean
  /** Whether to try again what fails until the time is up: the `shutdown()` has a deadline. */
  readonly retries: boolean
  /** Whether an earlier delivery is still under way, which has not sent what came since it began. */
  readonly isBeside: boolean
}

/** What a reader offers its adapters. */
export interface AttachedReader {
  /** The reader's interval and time-out, in ms: the defaults for an adapter's own. */
  readonly exportIntervalMillis: number
  readonly exportTimeoutMillis: number
  /** The resource of the MeterProvider; known after the first turn. */
  readonly resource: ResourceMetrics['resource']
  /** Every stream that at least one adapter wants as cumulative. Read it {@link betweenTurns} or {@link betweenDrains}. */
  readonly cumulative: CumulativeView
  /**
   * Resolves after a whole turn that starts after the call, or within the reader's `minFlushAgeMillis` before it; shared by
   * all who wait for the same one.
   */
  turn(): Promise<void>
  /**
   * Runs `work` while no turn is under way, so that nothing half folded is seen; the next turn waits for it. So `work` must
   * not wait for a {@link turn} itself. What has not settled in two minutes is no longer waited for.
   */
  betweenTurns<T>(work: () => T | Promise<T>): Promise<T>
  /**
   * The same for what only reads {@link cumulative}: it does not wait for the collection of a turn, in which a callback may
   * hang, but only for what changes the view.
   */
  betweenDrains<T>(work: () => T | Promise<T>): Promise<T>
  /**
   * To be told of every Export call once it is over, if the reader observes itself: how long it took, and for one that failed
   * why, in a word that is one of few (`error.type` of the semantic conventions). Never throws.
   */
  readonly onExported?: (durationMillis: number, errorType?: string) => void
  /** Does something for each number below `count`, and lets the event loop run every few ms. For whatever is O(series). */
  inSlices(count: number, work: (index: number) => void): Promise<void>
}

/**
 * Why points were lost: the exporter said that it will never take them, they were still held at the end, or a file of the
 * spool could not be read (which counts as one point where nobody can say how many it held).
 */
export type LossReason = 'rejected' | 'shutdown' | 'spool-unreadable'

/**
 * What became of the data points of one adapter. All are counts that never decrease, except `pending…`:
 * offered = delivered + pending + lost + merged + superseded + filtered, at every moment.
 */
export interface AdapterStats {
  /** Delta: one for each series of each generation. Cumulative: one for each point captured to be sent. */
  readonly offeredPoints: number
  readonly deliveredPoints: number
  readonly pendingPoints: number
  /** Those of the pending ones that an Export call is out for. */
  readonly inFlightPoints?: number
  /** Became part of another point that had not been sent yet. */
  readonly mergedPoints: number
  /** Cumulative points replaced by newer ones before they were delivered. */
  readonly supersededPoints: number
  /** Dropped on purpose by a filter or a processor. */
  readonly filteredPoints: number
  readonly lostPoints: Readonly<Record<LossReason, number>>
  /** Batches sent again without knowing whether they had arrived. */
  readonly outcomeUnknown: number
  /** The data points of those batches: an upper bound on the points that a receiver was sent twice by us. */
  readonly outcomeUnknownPoints: number
  /** Export calls, and how many of them failed, threw or took too long. */
  readonly attempts: number
  readonly failures: number
  readonly lastError?: string
  /** Milliseconds since the epoch. */
  readonly lastSuccessUnixMillis?: number
  /** Units of undelivered data: the one being sent, the one being filled, and those that other processes have left. */
  readonly pendingParcels: number
  /** What the spool takes on disk; with a spool only. */
  readonly spoolBytes?: number
  /** Why the spool does not take what it is given, while it does not. */
  readonly spoolError?: string
}
