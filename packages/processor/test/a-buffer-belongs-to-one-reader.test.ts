import { metrics } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { afterEach, describe, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { CollectingAdapter } from './support/collecting-adapter.ts'

afterEach(() => metrics.disable())

test('a second reader of one buffer is refused', () => {
  const buffer = new MetricsBuffer()
  const make = () => new BufferingMetricReader({ adapters: [new CollectingAdapter()], buffer })
  expect(make().buffer).toBe(buffer)
  expect(make).toThrow('BufferingMetricReader: buffer belongs to another reader already; make one for each')
})

test('a reader has one of its own where none is given', async () => {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  new MeterProvider({ readers: [reader] })
  reader.buffer.getMeter('test').createCounter('counter').add(2)
  await reader.flush()
  expect(adapter.values('counter')).toEqual([2])
})

test('what is recorded before there is a reader is of the first turn', async () => {
  const buffer = new MetricsBuffer()
  buffer.getMeter('test').createCounter('counter').add(2)
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], buffer })
  new MeterProvider({ readers: [reader] })
  await reader.flush()
  expect(adapter.values('counter')).toEqual([2])
})

test('it can be the global meter provider', async () => {
  const { buffer, points } = bufferedPipeline()
  expect(metrics.setGlobalMeterProvider(buffer)).toBe(true)
  metrics.getMeter('test').createCounter('counter').add(2, { a: 1 })
  expect(await points()).toEqual([[{ a: 1 }, 2]])
})

describe('options that make no sense are rejected', () => {
  test.each([
    [null, TypeError, 'MetricsBuffer: options must be an object, got null'],
    ['views', TypeError, 'MetricsBuffer: options must be an object, got "views"'],
    [{ views: {} }, TypeError, 'MetricsBuffer: views must be an array, got {}'],
    [{ views: [null] }, TypeError, 'MetricsBuffer: views[0] must be an object with selection criteria, got null'],
    [
      { cardinalityLimits: { counter: 0 } },
      RangeError,
      'MetricsBuffer: cardinalityLimits.counter must be a whole number of at least 1, got 0',
    ],
    [
      { exemplarFilter: 'on' },
      RangeError,
      'MetricsBuffer: exemplarFilter must be one of always_off, trace_based, always_on, got "on"',
    ],
  ])('%j', (options, kind, message) => {
    expect(() => new MetricsBuffer(options as never)).toThrow(kind)
    expect(() => new MetricsBuffer(options as never)).toThrow(message)
  })

  test.each([5, {}, 'buffer'])('a buffer that is none: %j', (buffer) => {
    expect(() => new BufferingMetricReader({ adapters: [new CollectingAdapter()], buffer: buffer as never })).toThrow(
      /buffer/,
    )
  })
})
