import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import { addAttributes, dropMetrics, renameMetrics } from '@otel-sluice/processor'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bufferedPipeline, sumOf } from './support/buffered-pipeline.ts'

const step = fc.constantFrom('record', 'flush', 'microtask', 'macrotask')

test('what is recorded to several instruments in one step is exported in one generation', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { adapter, meter, reader } = bufferedPipeline({}, { processors: [addAttributes({ added: 1 })] })
      const requests = meter.createCounter('requests')
      const bound = meter.createCounter('bound').bind({ route: '/' })
      const open = meter.createUpDownCounter('open')
      const durations = meter.createHistogram('durations')
      // Within a turn, too: callbacks run while it waits.
      meter.createObservableGauge('gauge').addCallback(async (result) => {
        record()
        result.observe(1)
        await null
        record()
      })
      // And while a frozen generation is drained.
      let absorbed = 0
      adapter.onAbsorb = () => {
        if (++absorbed % 5 === 0) record()
      }
      let recorded = 0
      const record = () => {
        recorded++
        requests.add(1, { n: recorded % 3 })
        bound.add(1)
        open.add(1)
        durations.record(1)
      }
      const flushes: Promise<void>[] = []
      for (const each of steps) {
        if (each === 'record') record()
        else if (each === 'flush') flushes.push(reader.flush())
        else if (each === 'microtask') await null
        else await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(flushes)
      adapter.onAbsorb = () => {}
      await reader.flush()
      for (const generation of new Set(adapter.absorbed.map(({ end }) => end))) {
        const absorbed = adapter.absorbed.filter(({ end }) => end === generation)
        const of = (name: string) => absorbed.filter((point) => point.name === name)
        const count = sumOf(of('requests'))
        expect(sumOf(of('bound'))).toBe(count)
        expect(sumOf(of('open'))).toBe(count)
        expect(of('durations').reduce((sum, { value }) => sum + (value as { count: number }).count, 0)).toBe(count)
      }
      expect(sumOf(adapter.absorbed.filter(({ name }) => name === 'bound'))).toBe(recorded)
    }),
    { numRuns: 150 },
  )
})

test('a metric filter and processors apply to what the buffer records', async () => {
  const { meter, points, reader } = bufferedPipeline(
    {},
    {
      metricFilter: {
        testMetric: (_scope, name) => (name === 'noise' ? 'drop' : name === 'partial' ? 'acceptPartial' : 'accept'),
        testAttributes: (_scope, _name, _kind, _unit, attributes) => (attributes.internal ? 'drop' : 'accept'),
      },
      processors: [dropMetrics('unwanted'), addAttributes({ host: 'h' }), renameMetrics({ kept: 'renamed' })],
    },
  )
  meter.createCounter('noise').add(1)
  const partial = meter.createCounter('partial').bind({ internal: false })
  partial.add(2)
  meter.createCounter('partial').add(4, { internal: true })
  meter.createCounter('unwanted').add(8)
  meter.createHistogram('kept', { advice: { explicitBucketBoundaries: [] } }).record(16)
  meter.createObservableGauge('noise').addCallback((result) => result.observe(32))
  expect(await points('partial')).toEqual([[{ internal: false, host: 'h' }, 2]])
  meter.createHistogram('kept').record(16)
  expect(await points('renamed')).toMatchObject([[{ host: 'h' }, { count: 1, sum: 16 }]])
  // Of the first turn: two sorts of noise, an internal one and one that is unwanted; noise is observed again in the second.
  expect(reader.stats().adapters[0]!.stats.filteredPoints).toBe(5)
})

test('what is recorded while a turn is under way is exported once, in the next, as delta and as cumulative', async () => {
  for (const temporality of [AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE]) {
    const { adapter, meter, reader, turn } = bufferedPipeline({}, {}, temporality)
    const counter = meter.createCounter('counter').bind({ a: 1 })
    for (let each = 0; each < 10; each++) {
      const flushed = reader.flush()
      counter.add(1)
      await null
      counter.add(10)
      await flushed
    }
    await turn()
    const isDelta = temporality === AggregationTemporality.DELTA
    expect(sumOf(isDelta ? adapter.absorbed : await adapter.cumulative('counter'))).toBe(110)
  }
})
