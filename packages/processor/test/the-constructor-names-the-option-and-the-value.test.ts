import { AggregationType, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type BufferingMetricReaderOptions } from '@otel-sluice/processor'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwingAt } from './support/hostile.ts'

const reader = (options: Partial<BufferingMetricReaderOptions>) =>
  new BufferingMetricReader({ adapters: [new CollectingAdapter()], ...options })

describe('the constructor rejects', () => {
  test.each([
    [{ exportIntervalMillis: 0 }, RangeError, /exportIntervalMillis must be greater than 0 .*got 0/],
    [{ exportIntervalMillis: Number.NaN }, RangeError, /exportIntervalMillis .*got NaN/],
    [{ exportIntervalMillis: 2 ** 31 }, RangeError, /exportIntervalMillis .*at most 2147483647, got 2147483648/],
    [{ exportTimeoutMillis: -1 }, RangeError, /exportTimeoutMillis .*got -1/],
    [{ collectTimeoutMillis: 0 }, RangeError, /collectTimeoutMillis .*got 0/],
    [
      { collectIntervalMillis: '5' as never },
      TypeError,
      /collectIntervalMillis must be a number of milliseconds, got "5"/,
    ],
    [{ minFlushAgeMillis: -5 }, RangeError, /minFlushAgeMillis .*got -5/],
    [
      { flushOnExit: 'always' as never },
      TypeError,
      /flushOnExit must be a boolean or \{ timeoutMillis \}, got .*always/,
    ],
    [{ flushOnExit: { timeoutMillis: 0 } }, RangeError, /flushOnExit\.timeoutMillis .*got 0/],
    [
      { exportIntervalMillis: 100, exportTimeoutMillis: 200 },
      RangeError,
      /exportTimeoutMillis \(200\) must not exceed exportIntervalMillis \(100\)/,
    ],
    [{ adapters: [] }, TypeError, /adapters must be an array of at least one ExporterAdapter, got \[\]/],
    [
      { adapters: [{ export() {} }] as never },
      TypeError,
      /adapters\[0\] is not an ExporterAdapter.*PushExporterAdapter/,
    ],
    [{ aggregationSelector: 'sum' as never }, TypeError, /aggregationSelector must be a function, got "sum"/],
    [{ cardinalityLimits: null as never }, TypeError, /cardinalityLimits must be an object, got null/],
    [{ cardinalityLimits: { gauge: 0 } }, RangeError, /cardinalityLimits\.gauge must be a whole number .*got 0/],
    [{ processors: [null as never] }, TypeError, /processors\[0\] is not a MetricProcessor, got null/],
    [{ metricProducers: [5 as never] }, TypeError, /metricProducers\[0\] is not a MetricProducer, got 5/],
    [{ metricFilter: 'all' as never }, TypeError, /metricFilter must have testMetric and testAttributes, got "all"/],
  ])('%j', (options, kind, message) => {
    expect(() => reader(options)).toThrow(kind)
    expect(() => reader(options)).toThrow(message)
  })

  test.each([
    ['a processor', { processors: [throwingAt('processMetric')] }, /processors\[0\] is not a MetricProcessor/],
    ['a producer', { metricProducers: [throwingAt('collect')] }, /metricProducers\[0\] is not a MetricProducer/],
    ['a filter', { metricFilter: throwingAt('testMetric') }, /metricFilter must have testMetric and testAttributes/],
    ['a filter that is revoked', { metricFilter: revoked({}) }, /metricFilter must have .*got an object/],
  ])('%s that throws when it is looked at', (_what, options, message) => {
    expect(() => reader(options as never)).toThrow(message)
  })

  test('a limit that is another one the second time it is read', () => {
    let limit = 5
    const cardinalityLimits = {
      get counter() {
        return limit--
      },
    }
    expect(reader({ cardinalityLimits }).selectCardinalityLimit(InstrumentType.COUNTER)).toBe(5 + 1)
    limit = 0
    expect(() => reader({ cardinalityLimits })).toThrow(/cardinalityLimits\.counter .*got 0/)
  })

  test('options that are missing', () => {
    expect(() => new BufferingMetricReader(undefined as never)).toThrow(
      /options must be an object with adapters, got undefined/,
    )
  })

  test('one adapter given twice', () => {
    const adapter = new CollectingAdapter('twin')
    expect(() => reader({ adapters: [adapter, adapter] })).toThrow(/adapters\[1\] \(twin\) is given twice/)
  })

  test('adapters that want different aggregations, unless the reader decides', () => {
    const [plain, exponential] = [new CollectingAdapter('plain'), new CollectingAdapter('exponential')]
    exponential.aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM }
    const adapters = [plain, exponential]
    expect(() => reader({ adapters })).toThrow(RangeError)
    expect(() => reader({ adapters })).toThrow(/plain: {"type":0}, exponential: {"type":5}.*aggregationSelector/)
    const decided = reader({ adapters, aggregationSelector: () => ({ type: AggregationType.DROP }) })
    expect(decided.selectAggregation(InstrumentType.COUNTER)).toEqual({ type: AggregationType.DROP })
  })
})

test('an adapter belongs to one reader', () => {
  const adapter = new CollectingAdapter('shared')
  new MeterProvider({ readers: [reader({ adapters: [adapter] })] })
  expect(() => new MeterProvider({ readers: [reader({ adapters: [adapter] })] })).toThrow(/shared: attached already/)
})

describe('intervals and time-outs', () => {
  afterEach(() => vi.unstubAllEnvs())

  const attachedTimes = (options: Partial<BufferingMetricReaderOptions>) => {
    const adapter = new CollectingAdapter()
    new MeterProvider({ readers: [reader({ adapters: [adapter], ...options })] })
    const { exportIntervalMillis, exportTimeoutMillis } = adapter.reader!
    return { exportIntervalMillis, exportTimeoutMillis }
  }

  test('default to 60 s and 30 s', () => {
    expect(attachedTimes({})).toEqual({ exportIntervalMillis: 60_000, exportTimeoutMillis: 30_000 })
  })

  test('come from the environment where they are not given', () => {
    vi.stubEnv('OTEL_METRIC_EXPORT_INTERVAL', '2000')
    vi.stubEnv('OTEL_METRIC_EXPORT_TIMEOUT', '1500')
    expect(attachedTimes({})).toEqual({ exportIntervalMillis: 2000, exportTimeoutMillis: 1500 })
    expect(attachedTimes({ exportIntervalMillis: 9000 }).exportIntervalMillis).toBe(9000)
  })

  test('keep their defaults when the environment makes no sense, and say so', () => {
    const log = diagLog()
    vi.stubEnv('OTEL_METRIC_EXPORT_INTERVAL', 'often')
    expect(attachedTimes({}).exportIntervalMillis).toBe(60_000)
    expect(log).toEqual([
      "warn sluice: OTEL_METRIC_EXPORT_INTERVAL must be a number of milliseconds greater than 0, got 'often'; using the default",
    ])
  })

  test('are clamped with a word when only one of them is given', () => {
    const log = diagLog()
    expect(attachedTimes({ exportIntervalMillis: 100 })).toEqual({
      exportIntervalMillis: 100,
      exportTimeoutMillis: 100,
    })
    expect(log).toEqual([
      'info sluice: exportTimeoutMillis of 30000 exceeds exportIntervalMillis of 100 and is clamped to it',
    ])
  })
})
