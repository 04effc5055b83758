import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import type { BufferedCounter } from '@otel-sluice/processor'
import { describe, expect, test } from 'vitest'
import { bufferedPipeline, OVERFLOW, sumOf } from './support/buffered-pipeline.ts'
import { garbageMakes } from './support/garbage.ts'

const limited = (limit: number, temporality = AggregationTemporality.DELTA) => {
  const pipeline = bufferedPipeline({ cardinalityLimits: { default: limit } }, {}, temporality)
  return { ...pipeline, counter: pipeline.meter.createCounter('counter') }
}

describe('under the limit', () => {
  test('it is counted when it is bound, recorded or not', async () => {
    const { counter, points } = limited(3)
    const bound = [counter.bind({ n: 'first' }), counter.bind({ n: 'second' })]
    counter.add(1, { n: 1 })
    counter.add(10, { n: 2 })
    for (const handle of bound) handle.add(100)
    expect(await points()).toEqual([
      [{ n: 1 }, 1],
      [OVERFLOW, 10],
      [{ n: 'first' }, 100],
      [{ n: 'second' }, 100],
    ])
  })

  test('a series that was recorded before it was bound counts once', async () => {
    const { counter, points } = limited(2)
    counter.add(1, { n: 'bound' })
    const bound = counter.bind({ n: 'bound' })
    counter.add(1, { n: 1 })
    bound.add(1)
    expect(await points()).toEqual([
      [{ n: 'bound' }, 2],
      [{ n: 1 }, 1],
    ])
  })

  test('two handles of one series count once', async () => {
    const { counter, points } = limited(2)
    const bound = [counter.bind({ n: 'bound' }), counter.bind({ n: 'bound' })]
    counter.add(1, { n: 1 })
    for (const handle of bound) handle.add(1)
    expect(await points()).toEqual([
      [{ n: 1 }, 1],
      [{ n: 'bound' }, 2],
    ])
  })

  test('it keeps its place in every turn, whatever others fill', async () => {
    const { counter, points } = limited(3)
    const bound = counter.bind({ n: 'bound' })
    for (let turn = 0; turn < 6; turn++) {
      for (let n = 0; n < 5; n++) counter.add(1, { turn, n })
      if (turn % 2 === 0) bound.add(1)
      expect(await points()).toEqual([
        [{ turn, n: 0 }, 1],
        [{ turn, n: 1 }, 1],
        [OVERFLOW, 3],
        ...(turn % 2 === 0 ? [[{ n: 'bound' }, 1]] : []),
      ])
    }
  })

  test('it keeps its place among cumulative points, too, though others were there to be shown before it', async () => {
    const { adapter, counter, turn } = limited(3, AggregationTemporality.CUMULATIVE)
    const bound = counter.bind({ n: 'bound' })
    for (let each = 0; each < 4; each++) {
      for (let n = 0; n < 2; n++) counter.add(1, { each, n })
      await turn()
    }
    bound.add(5)
    await turn()
    const shown = await adapter.cumulative('counter')
    expect(shown.map(({ attributes, value }) => [attributes, value])).toEqual([
      [{ each: 0, n: 0 }, 1],
      [{ each: 0, n: 1 }, 1],
      [OVERFLOW, 6],
      [{ n: 'bound' }, 5],
    ])
  })

  test('of what is bound beyond the limit cumulative points hold no more than the limit', async () => {
    const { adapter, counter, turn } = limited(3, AggregationTemporality.CUMULATIVE)
    const handles: BufferedCounter[] = []
    for (let n = 0; n < 10; n++) {
      handles.push(counter.bind({ n }))
      for (const handle of handles) handle.add(1)
      counter.add(1, { unbound: n })
      await turn()
    }
    const shown = await adapter.cumulative('counter')
    expect(shown).toHaveLength(4)
    expect(sumOf(shown)).toBe(55 + 10)
  })

  test('bound where there is no room it is the overflow series for good', async () => {
    const { counter, points } = limited(1)
    counter.add(1, { n: 1 })
    const beyond = counter.bind({ n: 'beyond' })
    beyond.add(1)
    expect(await points()).toEqual([
      [{ n: 1 }, 1],
      [OVERFLOW, 1],
    ])
    for (let turn = 0; turn < 4; turn++) {
      beyond.add(2)
      expect(await points()).toEqual([[OVERFLOW, 2]])
    }
    counter.add(1, { n: 'beyond' })
    expect(await points()).toEqual([[{ n: 'beyond' }, 1]])
  })
})

describe('while it is held', () => {
  test('its series is not forgotten, recorded or not', async () => {
    const { counter, reader, turn, points } = limited(10)
    const bound = counter.bind({ n: 'bound' })
    for (let each = 0; each < 5; each++) await turn()
    await garbageMakes(() => false, 20)
    expect(reader.stats().series).toBe(1)
    bound.add(1)
    expect(await points()).toEqual([[{ n: 'bound' }, 1]])
    for (let each = 0; each < 5; each++) await turn()
    expect(reader.stats().series).toBe(1)
    bound.add(2)
    expect(await points()).toEqual([[{ n: 'bound' }, 2]])
  })

  test('one of two handles is enough', async () => {
    const { counter, reader, turn, points } = limited(10)
    const kept = counter.bind({ n: 'bound' })
    counter.bind({ n: 'bound' })
    counter.bind({ n: 'other' })
    // Only the other one is garbage with all its handles.
    expect(await garbageMakes(() => reader.stats().series === 1)).toBe(true)
    for (let each = 0; each < 3; each++) await turn()
    kept.add(1)
    expect(await points()).toEqual([[{ n: 'bound' }, 1]])
  })
})

describe('once it is garbage', () => {
  test('a series that was never recorded is forgotten', async () => {
    const { counter, reader } = limited(10)
    for (let n = 0; n < 10; n++) counter.bind({ n })
    expect(await garbageMakes(() => reader.stats().series === 0)).toBe(true)
  })

  test('a series that was recorded is forgotten when it was idle for a turn, and its numbers are exported', async () => {
    const { counter, reader, points, turn } = limited(10)
    for (let n = 0; n < 10; n++) counter.bind({ n }).add(n)
    await garbageMakes(() => false, 50)
    expect(await points()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [{ n }, n]))
    await turn()
    // Which of them were garbage early enough depends on the collector, but not for ever.
    expect(await garbageMakes(() => reader.stats().series === 0)).toBe(true)
  })

  test('its place is free for others', async () => {
    const { counter, reader, points } = limited(1)
    counter.bind({ n: 'bound' })
    expect(await garbageMakes(() => reader.stats().series === 0)).toBe(true)
    counter.add(1, { n: 1 })
    expect(await points()).toEqual([[{ n: 1 }, 1]])
  })

  test('a place that was recorded in is taken until the next turn, so that none has too many series', async () => {
    const { counter, adapter, reader, points } = limited(1)
    counter.bind({ n: 'bound' }).add(1)
    await garbageMakes(() => false, 50)
    counter.add(1, { n: 1 })
    expect(await points()).toEqual([
      [{ n: 'bound' }, 1],
      [OVERFLOW, 1],
    ])
    await reader.flush()
    expect(await garbageMakes(() => reader.stats().series === 0)).toBe(true)
    counter.add(1, { n: 1 })
    expect(await points()).toEqual([[{ n: 1 }, 1]])
    expect(sumOf(adapter.absorbed)).toBe(3)
  })

  test('the same attributes can be bound again', async () => {
    const { counter, reader, points } = limited(1)
    counter.bind({ n: 'bound' })
    expect(await garbageMakes(() => reader.stats().series === 0)).toBe(true)
    const again = counter.bind({ n: 'bound' })
    again.add(1)
    expect(await points()).toEqual([[{ n: 'bound' }, 1]])
  })
})
