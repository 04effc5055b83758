import {
  type AggregationOption,
  type AggregationSelector,
  InstrumentType,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { MetricsBuffer } from '../buffer/metrics-buffer.ts'
import { LONGEST_TIMER_MILLIS } from '../core/deadline.ts'
import { describe } from '../core/describe.ts'
import type { ExporterAdapter } from '../pipeline/exporter-adapter.ts'
import { GuardedAdapter } from '../pipeline/guarded-adapter.ts'
import { GuardedFilter } from '../pipeline/guarded-filter.ts'
import { GuardedProcessor } from '../pipeline/guarded-processor.ts'
import type { MetricFilter } from '../pipeline/metric-filter.ts'
import type { MetricProcessor } from '../pipeline/metric-processor.ts'
import { type CardinalityLimits, checkLimits } from '../series/cardinality.ts'
import { report } from '../series/report.ts'

/** Options of a {@link BufferingMetricReader}. */
export interface BufferingMetricReaderOptions {
  /** What is fed, at least one; each adapter belongs to one reader. */
  readonly adapters: readonly ExporterAdapter[]
  /** What is recorded through the fast instruments; a buffer belongs to one reader. Default: one of its own. */
  readonly buffer?: MetricsBuffer
  /** Milliseconds between two turns that export. Default: `OTEL_METRIC_EXPORT_INTERVAL`, else 60 000. */
  readonly exportIntervalMillis?: number
  /**
   * How long an export may take before it is reported and no longer waited for, in ms. Default:
   * `OTEL_METRIC_EXPORT_TIMEOUT`, else 30 000. Must not exceed the interval: throws if both are given, else it is clamped.
   */
  readonly exportTimeoutMillis?: number
  /** Milliseconds between two collections, to observe more often than to export. Default: only when a turn needs it. */
  readonly collectIntervalMillis?: number
  /** How long a turn waits for callbacks, in ms; what comes later counts in a later turn. Default 5000. */
  readonly collectTimeoutMillis?: number
  /** A scrape or `flush()` that comes less than this many ms after a turn began reuses that turn. Default 0: never. */
  readonly minFlushAgeMillis?: number
  /** The aggregation for each instrument kind. Default: what the adapters agree on. */
  readonly aggregationSelector?: AggregationSelector
  /**
   * Most attribute sets of one stream, by instrument kind: in each generation, in what an adapter holds, and over the
   * lifetime of cumulative points. What is beyond is added up under `otel.metric.overflow=true`. Default 2000 each; a view
   * with a higher limit of its own raises it for its streams.
   */
  readonly cardinalityLimits?: CardinalityLimits
  /** After how many ms without a recording a series is no longer exported as cumulative. Default: never. */
  readonly staleAfterMillis?: number
  /** Further sources, collected apart from the SDK: one that fails or hangs costs only its own data. */
  readonly metricProducers?: readonly MetricProducer[]
  /** Drops metrics and attribute sets before they are gathered. */
  readonly metricFilter?: MetricFilter
  /** Change what is exported, in this order. */
  readonly processors?: readonly MetricProcessor[]
  /**
   * Whether the end of the process is an end of the reader: on SIGTERM, SIGINT and natural exit it delivers for at most
   * `timeoutMillis` (default 5000) and keeps the rest in the spool; `process.exit()` and uncaught exceptions leave only time
   * for the spool. Exit codes, signals and the application's own handlers stay what they are. Default false.
   */
  readonly flushOnExit?: boolean | { readonly timeoutMillis?: number }
  /**
   * Also record what the pipeline does into its own buffer, with the names of the semantic conventions for SDK metrics where
   * there are some; docs/delivery.md lists them. An idle pipeline stays idle. Default false.
   */
  readonly selfObservation?: boolean
}

/** The options with their defaults filled in. */
export interface ReaderSettings {
  readonly adapters: readonly GuardedAdapter[]
  readonly buffer: MetricsBuffer
  readonly exportIntervalMillis: number
  readonly exportTimeoutMillis: number
  readonly collectIntervalMillis: number | undefined
  readonly collectTimeoutMillis: number
  /** How long `forceFlush()` and `shutdown()` take at most when they are given no deadline, in ms. */
  readonly flushTimeoutMillis: number
  readonly minFlushAgeMillis: number
  readonly aggregationSelector: AggregationSelector
  readonly cardinalityLimits: CardinalityLimits
  readonly staleAfterMillis: number | undefined
  readonly metricProducers: readonly MetricProducer[]
  readonly metricFilter: GuardedFilter
  readonly processors: readonly GuardedProcessor[]
  /** How long the end of the process may be put off, in ms; `undefined` where it is nothing to the reader. */
  readonly exitTimeoutMillis: number | undefined
  readonly selfObservation: boolean
}

/**
 * @throws TypeError or RangeError that names the option and the value
 */
export function resolveOptions(options: BufferingMetricReaderOptions): ReaderSettings {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`BufferingMetricReader: options must be an object with adapters, got ${describe(options)}`)
  }
  const adapters = checkAdapters(options.adapters)
  const exportIntervalMillis =
    millis('exportIntervalMillis', options.exportIntervalMillis) ??
    millisFromEnvironment('OTEL_METRIC_EXPORT_INTERVAL') ??
    60_000
  let exportTimeoutMillis =
    millis('exportTimeoutMillis', options.exportTimeoutMillis) ??
    millisFromEnvironment('OTEL_METRIC_EXPORT_TIMEOUT') ??
    30_000
  if (exportTimeoutMillis > exportIntervalMillis) {
    if (options.exportIntervalMillis !== undefined && options.exportTimeoutMillis !== undefined) {
      throw new RangeError(
        `BufferingMetricReader: exportTimeoutMillis (${exportTimeoutMillis}) must not exceed exportIntervalMillis (${exportIntervalMillis})`,
      )
    }
    report(
      'info',
      `sluice: exportTimeoutMillis of ${exportTimeoutMillis} exceeds exportIntervalMillis of ${exportIntervalMillis} and is clamped to it`,
    )
    exportTimeoutMillis = exportIntervalMillis
  }
  const collectTimeoutMillis = millis('collectTimeoutMillis', options.collectTimeoutMillis) ?? 5_000
  const longestExportMillis = Math.max(exportTimeoutMillis, ...adapters.map((each) => each.exportTimeoutMillis ?? 0))
  return {
    adapters,
    buffer: checkBuffer(options.buffer),
    exportIntervalMillis,
    exportTimeoutMillis,
    collectIntervalMillis: millis('collectIntervalMillis', options.collectIntervalMillis),
    collectTimeoutMillis,
    flushTimeoutMillis: 2 * (collectTimeoutMillis + longestExportMillis),
    minFlushAgeMillis:
      options.minFlushAgeMillis === 0 ? 0 : (millis('minFlushAgeMillis', options.minFlushAgeMillis) ?? 0),
    aggregationSelector: checkSelector(options.aggregationSelector) ?? agreedAggregation(adapters),
    cardinalityLimits: checkLimits('BufferingMetricReader', options.cardinalityLimits),
    staleAfterMillis: millis('staleAfterMillis', options.staleAfterMillis),
    metricProducers: checkEach('metricProducers', options.metricProducers, isProducer, 'a MetricProducer'),
    metricFilter: new GuardedFilter(checkFilter(options.metricFilter)),
    processors: checkEach('processors', options.processors, isProcessor, 'a MetricProcessor').map(
      (processor, i) => new GuardedProcessor(processor, i),
    ),
    exitTimeoutMillis: checkExit(options.flushOnExit),
    selfObservation: flag('selfObservation', options.selfObservation),
  }
}

function checkAdapters(adapters: readonly ExporterAdapter[]): readonly GuardedAdapter[] {
  if (!Array.isArray(adapters) || adapters.length === 0) {
    throw new TypeError(
      `BufferingMetricReader: adapters must be an array of at least one ExporterAdapter, got ${describe(adapters)}`,
    )
  }
  return adapters.map((adapter: ExporterAdapter, i) => {
    const guarded = new GuardedAdapter(adapter, `adapters[${i}]`)
    if (adapters.indexOf(adapter) !== i) {
      throw new RangeError(`BufferingMetricReader: adapters[${i}] (${guarded.name}) is given twice`)
    }
    return guarded
  })
}

function checkBuffer(buffer: MetricsBuffer | undefined): MetricsBuffer {
  if (buffer === undefined) return new MetricsBuffer()
  if (buffer instanceof MetricsBuffer) return buffer
  throw new TypeError(`BufferingMetricReader: buffer must be a MetricsBuffer, got ${describe(buffer)}`)
}

function checkSelector(selector: AggregationSelector | undefined): AggregationSelector | undefined {
  if (selector === undefined || typeof selector === 'function') return selector
  throw new TypeError(`BufferingMetricReader: aggregationSelector must be a function, got ${describe(selector)}`)
}

function checkEach<T>(
  option: string,
  items: readonly T[] = [],
  isOne: (item: T) => boolean,
  wanted: string,
): readonly T[] {
  if (!Array.isArray(items))
    throw new TypeError(`BufferingMetricReader: ${option} must be an array, got ${describe(items)}`)
  items.forEach((item: T, i) => {
    if (!is(item, isOne))
      throw new TypeError(`BufferingMetricReader: ${option}[${i}] is not ${wanted}, got ${describe(item)}`)
  })
  return items.slice()
}

/** What throws when it is looked at is nothing that is wanted. */
function is<T>(item: T, isOne: (item: T) => boolean): boolean {
  try {
    return isOne(item)
  } catch {
    return false
  }
}

function flag(option: string, value: boolean | undefined): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new TypeError(`BufferingMetricReader: ${option} must be a boolean, got ${describe(value)}`)
}

function isProducer(item: MetricProducer | undefined): boolean {
  return typeof item?.collect === 'function'
}

function isProcessor(item: MetricProcessor | undefined): boolean {
  return typeof item?.processMetric === 'function' || typeof item?.processAttributes === 'function'
}

function checkFilter(filter: MetricFilter | undefined): MetricFilter | undefined {
  if (filter === undefined) return undefined
  if (is(filter, (each) => typeof each.testMetric === 'function' && typeof each.testAttributes === 'function'))
    return filter
  throw new TypeError(
    `BufferingMetricReader: metricFilter must have testMetric and testAttributes, got ${describe(filter)}`,
  )
}

function checkExit(flushOnExit: BufferingMetricReaderOptions['flushOnExit'] = false): number | undefined {
  if (flushOnExit === false) return undefined
  if (flushOnExit === true) return EXIT_TIMEOUT_MILLIS
  if (typeof flushOnExit !== 'object' || flushOnExit === null) {
    throw new TypeError(
      `BufferingMetricReader: flushOnExit must be a boolean or { timeoutMillis }, got ${describe(flushOnExit)}`,
    )
  }
  return millis('flushOnExit.timeoutMillis', flushOnExit.timeoutMillis) ?? EXIT_TIMEOUT_MILLIS
}

/** Half of what Docker and a sixth of what Kubernetes leave a process between SIGTERM and SIGKILL. */
const EXIT_TIMEOUT_MILLIS = 5_000

/** One stream has one aggregation, so adapters that want different ones cannot share a reader unless it decides. */
function agreedAggregation(adapters: readonly GuardedAdapter[]): AggregationSelector {
  const agreed = new Map<InstrumentType, AggregationOption>()
  for (const kind of Object.values(InstrumentType)) {
    const [first, ...others] = adapters.map((adapter) => ({
      name: adapter.name,
      wants: adapter.aggregationOf(kind),
    }))
    const other = others.find(({ wants }) => JSON.stringify(wants) !== JSON.stringify(first!.wants))
    if (other !== undefined) {
      throw new RangeError(
        `BufferingMetricReader: adapters want different aggregations for ${kind} ` +
          `(${first!.name}: ${describe(first!.wants)}, ${other.name}: ${describe(other.wants)}); ` +
          'give the reader an aggregationSelector to decide',
      )
    }
    agreed.set(kind, first!.wants)
  }
  return (kind) => agreed.get(kind)!
}

function millis(option: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number') {
    throw new TypeError(`BufferingMetricReader: ${option} must be a number of milliseconds, got ${describe(value)}`)
  }
  if (!(value > 0 && value <= LONGEST_TIMER_MILLIS)) {
    throw new RangeError(
      `BufferingMetricReader: ${option} must be greater than 0 and at most ${LONGEST_TIMER_MILLIS}, got ${value}`,
    )
  }
  return value
}

function millisFromEnvironment(variable: string): number | undefined {
  const text = process.env[variable]?.trim()
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (value > 0 && value <= LONGEST_TIMER_MILLIS) return value
  report(
    'warn',
    `sluice: ${variable} must be a number of milliseconds greater than 0, got '${text}'; using the default`,
  )
  return undefined
}
