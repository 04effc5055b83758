import { DataPointType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type MetricFilter } from '@otel-sluice/processor'
import { expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'

function pipeline(metricFilter: MetricFilter) {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], metricFilter })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('shop', '1.0')
  return { adapter, reader, meter, stats: () => reader.stats().adapters[0]!.stats }
}

test('a metric that is dropped reaches nobody, and counts as offered and filtered', async () => {
  const { adapter, reader, meter, stats } = pipeline({
    testMetric: (_scope, name) => (name === 'noise' ? 'drop' : 'accept'),
    testAttributes: () => 'drop',
  })
  meter.createCounter('noise').add(1, { a: 1 })
  meter.createCounter('noise').add(1, { a: 2 })
  meter.createCounter('orders').add(3)
  await reader.flush()
  expect(adapter.absorbed.map(({ name, value }) => [name, value])).toEqual([['orders', 3]])
  expect(stats()).toMatchObject({ offeredPoints: 3, filteredPoints: 2 })
  expect(reader.stats().series).toBe(1)
})

test('of a metric that is accepted partially every attribute set is asked for', async () => {
  const { adapter, reader, meter, stats } = pipeline({
    testMetric: () => 'acceptPartial',
    testAttributes: (_scope, _name, _kind, _unit, attributes) => (attributes.internal ? 'drop' : 'accept'),
  })
  const counter = meter.createCounter('orders')
  counter.add(1, { internal: true })
  counter.add(2, { internal: false })
  await reader.flush()
  expect(adapter.values('orders')).toEqual([2])
  expect(stats()).toMatchObject({ offeredPoints: 2, filteredPoints: 1 })
})

test('it is told the scope, the name, the kind of points and the unit', async () => {
  const seen: unknown[] = []
  const { reader, meter } = pipeline({
    testMetric: (...metric) => {
      seen.push(metric)
      return 'acceptPartial'
    },
    testAttributes: (...metric) => {
      seen.push(metric)
      return 'accept'
    },
  })
  meter.createHistogram('latency', { unit: 's' }).record(1, { route: '/' })
  await reader.flush()
  const metric = [{ name: 'shop', version: '1.0' }, 'latency', DataPointType.HISTOGRAM, 's']
  expect(seen).toEqual([metric, [...metric, { route: '/' }]])
})
