import { AggregationType, createDenyListAttributesProcessor, InstrumentType } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

test('one renames and describes', async () => {
  const { adapter, meter, turn } = bufferedPipeline({
    views: [{ instrumentName: 'old', name: 'new', description: 'by a view' }],
  })
  const described: string[] = []
  adapter.onAbsorb = ({ stream }) => described.push(stream.descriptor.description)
  meter.createCounter('old', { description: 'of the code' }).add(1)
  meter.createObservableGauge('other').addCallback((result) => result.observe(2))
  expect((await turn()).map(({ name }) => name)).toEqual(['new', 'other'])
  expect(described).toEqual(['by a view', ''])
})

test('one drops, bound, unbound and observed', async () => {
  const { meter, points, reader } = bufferedPipeline({
    views: [{ instrumentName: 'dropped.*', aggregation: { type: AggregationType.DROP } }],
  })
  const counter = meter.createCounter('dropped.counter')
  counter.add(1, { a: 1 })
  counter.bind({ a: 1 }).bind({ b: 1 }).add(1)
  meter.createHistogram('dropped.histogram').record(1)
  meter.createObservableCounter('dropped.observed').addCallback((result) => result.observe(1))
  meter.createCounter('kept').add(1)
  expect(await points()).toEqual([[{}, 1]])
  expect(reader.stats()).toMatchObject({ streams: 1, series: 1 })
})

test('one leaves attributes out, and what becomes equal is one series', async () => {
  const { meter, points } = bufferedPipeline({
    views: [{ instrumentName: '*', attributesProcessors: [createDenyListAttributesProcessor(['id'])] }],
  })
  const counter = meter.createCounter('counter')
  counter.add(1, { id: 1, route: '/' })
  counter.bind({ id: 2, route: '/' }).add(10)
  counter.bind({ route: '/' }).add(100, { id: 3 })
  expect(await points()).toEqual([[{ route: '/' }, 111]])
})

test('two give two streams, each with its own aggregation, attributes and limit', async () => {
  const { meter, turn } = bufferedPipeline({
    views: [
      {
        instrumentName: 'latency',
        name: 'latency.by_route',
        attributesProcessors: [createDenyListAttributesProcessor(['user'])],
        aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [10] } },
      },
      {
        instrumentName: 'latency',
        name: 'latency.sum',
        aggregation: { type: AggregationType.SUM },
        aggregationCardinalityLimit: 1,
      },
    ],
  })
  const histogram = meter.createHistogram('latency')
  histogram.record(5, { route: '/', user: 1 })
  histogram.record(15, { route: '/', user: 2 })
  histogram.bind({ route: '/', user: 3 }).record(25)
  expect((await turn()).map(({ name, attributes, value }) => [name, attributes, value])).toEqual([
    [
      'latency.by_route',
      { route: '/' },
      expect.objectContaining({ count: 3, buckets: { boundaries: [10], counts: [1, 2] } }),
    ],
    ['latency.sum', { route: '/', user: 1 }, 5],
    ['latency.sum', { 'otel.metric.overflow': true }, 40],
  ])
})

test('each measurement is dropped and counted once, however many streams there are', async () => {
  diagLog()
  const { meter, reader } = bufferedPipeline({
    views: [
      { instrumentName: 'counter', name: 'one' },
      { instrumentName: 'counter', name: 'other' },
    ],
  })
  meter.createCounter('counter').add(-1)
  expect(reader.stats().droppedMeasurements).toBe(1)
})

test('one of a kind, a unit or a meter applies there only', async () => {
  const { buffer, turn } = bufferedPipeline({
    views: [
      { instrumentType: InstrumentType.GAUGE, aggregation: { type: AggregationType.DROP } },
      { instrumentUnit: 'By', aggregation: { type: AggregationType.DROP } },
      { meterName: 'quiet', aggregation: { type: AggregationType.DROP } },
    ],
  })
  const meter = buffer.getMeter('loud')
  meter.createGauge('gauge').record(1)
  meter.createCounter('bytes', { unit: 'By' }).add(1)
  buffer.getMeter('quiet').createCounter('counter').add(1)
  meter.createCounter('counter').add(1)
  expect((await turn()).map(({ name }) => name)).toEqual(['counter'])
})
