import { type Attributes, ValueType } from '@opentelemetry/api'
import { AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

function pipeline(...adapters: CollectingAdapter[]) {
  const reader = new BufferingMetricReader({ adapters })
  const provider = new MeterProvider({ readers: [reader] })
  return { reader, provider, meter: provider.getMeter('test', '1.0') }
}

describe('a turn', () => {
  test('gives every adapter what all seven instruments recorded since the last one', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const counter = meter.createCounter('counter')
    const upDown = meter.createUpDownCounter('upDown')
    const gauge = meter.createGauge('gauge')
    const histogram = meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [5] } })
    let observed = 10
    meter.createObservableCounter('observableCounter').addCallback((result) => result.observe(observed))
    meter.createObservableUpDownCounter('observableUpDown').addCallback((result) => result.observe(-observed))
    meter.createObservableGauge('observableGauge').addCallback((result) => result.observe(observed / 4))

    counter.add(2)
    upDown.add(-3)
    gauge.record(7)
    histogram.record(4)
    histogram.record(6)
    await reader.flush()
    counter.add(5)
    observed = 12
    await reader.flush()

    expect(adapter.values('counter')).toEqual([2, 5])
    expect(adapter.values('upDown')).toEqual([-3])
    expect(adapter.values('gauge')).toEqual([7])
    expect(adapter.values('histogram')).toEqual([
      { buckets: { boundaries: [5], counts: [1, 1] }, count: 2, sum: 10, min: 4, max: 6 },
    ])
    expect(adapter.values('observableCounter')).toEqual([10, 2])
    expect(adapter.values('observableUpDown')).toEqual([-10, -2])
    expect(adapter.values('observableGauge')).toEqual([2.5, 3])
  })

  test('starts where the previous one ended, for every series', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const counter = meter.createCounter('counter')
    for (let i = 0; i < 3; i++) {
      counter.add(1, { series: i })
      await reader.flush()
    }
    const [first, second, third] = adapter.absorbed
    expect(second!.start).toBe(first!.end)
    expect(third!.start).toBe(second!.end)
    expect(first!.end).toBeGreaterThan(first!.start)
  })

  test('carries nothing for a series that was not recorded', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    meter.createCounter('counter').add(1)
    await reader.flush()
    await reader.flush()
    expect(adapter.absorbed).toHaveLength(1)
  })

  test('collects exponential histograms as the selector asks', async () => {
    const adapter = new CollectingAdapter()
    adapter.aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM }
    const { reader, meter } = pipeline(adapter)
    meter.createHistogram('latency').record(1.5)
    await reader.flush()
    expect(adapter.values('latency')).toMatchObject([{ count: 1, sum: 1.5, scale: 20, zeroCount: 0 }])
  })

  test('keeps instruments of one name and different kinds, units or value types apart', async () => {
    diagLog()
    const adapter = new CollectingAdapter()
    const { reader, meter, provider } = pipeline(adapter)
    meter.createCounter('same').add(1)
    meter.createUpDownCounter('same').add(2)
    meter.createCounter('same', { unit: 'By' }).add(4)
    meter.createCounter('same', { valueType: ValueType.INT }).add(8)
    provider.getMeter('other').createCounter('same').add(16)
    provider.getMeter('test', '2.0').createCounter('same').add(32)
    provider
      .getMeter('test', '1.0', { schemaUrl: 'https://opentelemetry.io/schemas/1.27.0' })
      .createCounter('same')
      .add(64)
    await reader.flush()
    expect((adapter.values('same') as number[]).toSorted((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32, 64])
    expect(reader.stats().streams).toBe(7)
  })

  test('copies attributes at first sight: what the caller does to its object later relabels nothing', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const attributes: Attributes = { route: '/a' }
    meter.createCounter('counter').add(1, attributes)
    await reader.flush()
    attributes.route = '/b'
    expect(adapter.absorbed[0]!.attributes).toEqual({ route: '/a' })
  })

  test('counts a record made in a callback in the next generation, once', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const counter = meter.createCounter('counter')
    adapter.onAbsorb = (series) => {
      if (series.stream.descriptor.name === 'trigger') counter.add(1)
    }
    meter.createCounter('trigger').add(1)
    await reader.flush()
    expect(adapter.values('counter')).toEqual([])
    await reader.flush()
    await reader.flush()
    expect(adapter.values('counter')).toEqual([1])
  })
})

describe('an adapter that throws', () => {
  test('loses the series it threw at and nothing else, and nobody else sees anything twice', async () => {
    const log = diagLog()
    const [bad, good] = [new CollectingAdapter('bad'), new CollectingAdapter('good')]
    const { reader, meter } = pipeline(bad, good)
    const counter = meter.createCounter('counter')
    bad.onAbsorb = (series) => {
      if (series.attributes.n === 1) throw new Error('cannot take this one')
    }
    for (let n = 0; n < 3; n++) counter.add(n + 1, { n })
    await reader.flush()
    counter.add(10, { n: 0 })
    await reader.flush()
    expect(bad.values('counter')).toEqual([1, 3, 10])
    expect(good.values('counter')).toEqual([1, 2, 3, 10])
    expect(reader.stats().adapterFaults).toBe(1)
    expect(log.filter((line) => line.includes('bad threw at 1 series'))).toHaveLength(1)
  })
})

describe('flush', () => {
  test('is answered by a turn that starts after it', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const counter = meter.createCounter('counter')
    let callbacks = 0
    meter.createObservableGauge('gauge').addCallback(async (result) => {
      result.observe(++callbacks)
      // The turn is under way, and the meter's counters are collected after its callbacks; what comes later must not be
      // promised to a flush that joined this turn.
      if (callbacks === 1) late = reader.flush()
    })
    let late: Promise<void> | undefined
    await reader.flush()
    counter.add(1)
    await late
    expect(adapter.values('counter')).toEqual([1])
    expect(callbacks).toBe(2)
  })

  test('shares one turn among all who wait for the same one', async () => {
    const { reader } = pipeline(new CollectingAdapter())
    await Promise.all([reader.flush(), reader.flush(), reader.flush()])
    expect(reader.stats().turns).toBe(1)
  })

  test('goes on when the application’s logger throws, and loses nothing by it', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    diagLog(() => {
      throw new Error('the log is full')
    })
    meter.createObservableGauge('broken').addCallback(() => Promise.reject(new Error('no gauge today')))
    meter.createCounter('counter').add(1)
    await reader.flush()
    expect(adapter.values('counter')).toEqual([1])
    diagLog()
  })

  test('reuses a turn that is younger than minFlushAgeMillis', async () => {
    const reader = new BufferingMetricReader({ adapters: [new CollectingAdapter()], minFlushAgeMillis: 60_000 })
    new MeterProvider({ readers: [reader] })
    await reader.flush()
    await reader.flush()
    expect(reader.stats().turns).toBe(1)
  })

  test('exports nothing by itself', async () => {
    const adapter = new CollectingAdapter()
    const { reader } = pipeline(adapter)
    await reader.flush()
    expect(adapter.deliveries).toBe(0)
  })

  test('says so when the reader was never registered', async () => {
    const reader = new BufferingMetricReader({ adapters: [new CollectingAdapter()] })
    for (const call of [reader.flush(), reader.forceFlush(), reader.collect()]) {
      await expect(call).rejects.toThrow(/not registered; pass it to new MeterProvider/)
    }
  })
})

describe('collect() by hand', () => {
  test('returns what the SDK gives just now and counts towards the next turn as well', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const counter = meter.createCounter('counter')
    counter.add(3)
    const { resourceMetrics } = await reader.collect()
    expect(resourceMetrics.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.value).toBe(3)
    counter.add(4)
    await reader.flush()
    expect(adapter.values('counter')).toEqual([7])
  })

  test('at the same time as a turn still counts everything once', async () => {
    const adapter = new CollectingAdapter()
    const { reader, meter } = pipeline(adapter)
    const counter = meter.createCounter('counter')
    counter.add(1)
    const calls = [reader.flush(), reader.collect(), reader.collect(), reader.flush()]
    counter.add(2)
    await Promise.all(calls)
    await reader.flush()
    expect((adapter.values('counter') as number[]).reduce((a, b) => a + b, 0)).toBe(3)
  })
})
