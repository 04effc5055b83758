import { AggregationTemporality, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'

function pipeline(temporality = (_kind: InstrumentType) => AggregationTemporality.CUMULATIVE) {
  const adapter = new CollectingAdapter()
  adapter.temporality = temporality
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
  return { adapter, reader, meter }
}

test('a counter shows the sum of all generations', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.nat(1000), { maxLength: 4 }), { maxLength: 6 }), async (generations) => {
      const { adapter, reader, meter } = pipeline()
      const counter = meter.createCounter('counter')
      const added: number[] = []
      for (const adds of generations) {
        for (const value of adds) counter.add(value)
        added.push(...adds)
        await reader.flush()
        const shown = (await adapter.cumulative('counter')).map((point) => point.value)
        expect(shown).toEqual(added.length === 0 ? [] : [added.reduce((a, b) => a + b, 0)])
      }
    }),
    { numRuns: 50 },
  )
})

describe('the cumulative view', () => {
  test('repeats the start of a series and moves its end, also while it is idle', async () => {
    const { adapter, reader, meter } = pipeline()
    meter.createCounter('counter').add(1)
    await reader.flush()
    const [first] = await adapter.cumulative('counter')
    await reader.flush()
    const [second] = await adapter.cumulative('counter')
    expect(second!.start).toBe(first!.start)
    expect(second!.end).toBeGreaterThan(first!.end)
    expect(second!.value).toBe(1)
  })

  test('starts a series where the generation it first appeared in starts', async () => {
    const { adapter, reader, meter } = pipeline()
    const counter = meter.createCounter('counter')
    counter.add(1, { n: 1 })
    await reader.flush()
    counter.add(1, { n: 2 })
    await reader.flush()
    const [one, two] = await adapter.cumulative('counter')
    expect(two!.start).toBeGreaterThan(one!.start)
    expect(two!.end).toBe(one!.end)
  })

  test('keeps synchronous gauges that were not recorded again', async () => {
    const { adapter, reader, meter } = pipeline()
    meter.createGauge('gauge').record(5)
    await reader.flush()
    await reader.flush()
    expect(await adapter.cumulative('gauge')).toMatchObject([{ value: 5 }])
  })

  test('leaves out asynchronous series that were not observed in the last turn, and remembers their sum', async () => {
    const { adapter, reader, meter } = pipeline()
    const observed = new Map([
      ['a', 10],
      ['b', 1],
    ])
    meter.createObservableCounter('counter').addCallback((result) => {
      for (const [series, value] of observed) result.observe(value, { series })
    })
    await reader.flush()
    observed.delete('a')
    await reader.flush()
    expect(await adapter.cumulative('counter')).toMatchObject([{ attributes: { series: 'b' }, value: 1 }])
    observed.set('a', 15)
    await reader.flush()
    expect(await adapter.cumulative('counter')).toMatchObject([
      { attributes: { series: 'a' }, value: 15 },
      { attributes: { series: 'b' }, value: 1 },
    ])
  })

  test('goes on upward where an observable counter falls, as a delta hides the reset', async () => {
    const { adapter, reader, meter } = pipeline()
    let observed = 10
    meter.createObservableCounter('counter').addCallback((result) => result.observe(observed))
    await reader.flush()
    observed = 4
    await reader.flush()
    expect(await adapter.cumulative('counter')).toMatchObject([{ value: 14 }])
  })

  test('holds only what somebody wants as cumulative', async () => {
    const { adapter, reader, meter } = pipeline((kind) =>
      kind === InstrumentType.COUNTER ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
    )
    meter.createCounter('counter').add(1)
    meter.createUpDownCounter('upDown').add(2)
    await reader.flush()
    expect(await adapter.cumulative('counter')).toEqual([])
    expect(await adapter.cumulative('upDown')).toMatchObject([{ value: 2 }])
    expect(adapter.values('counter')).toEqual([1])
    expect(adapter.values('upDown')).toEqual([])
  })
})
