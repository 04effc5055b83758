import type { ObservableResult } from '@opentelemetry/api'
import { AggregationTemporality, createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline, OVERFLOW } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const { DELTA, CUMULATIVE } = AggregationTemporality

describe('each turn', () => {
  test('an observable counter gives what was added, an UpDownCounter what was added or taken, a gauge its value', async () => {
    const { meter, points } = bufferedPipeline()
    let observed = 10
    for (const create of ['createObservableCounter', 'createObservableUpDownCounter', 'createObservableGauge'] as const)
      meter[create](create).addCallback((result) => result.observe(observed, { a: 1 }))
    expect(await points()).toEqual([10, 10, 10].map((value) => [{ a: 1 }, value]))
    observed = 13
    expect(await points()).toEqual([3, 3, 13].map((value) => [{ a: 1 }, value]))
    expect(await points()).toEqual([0, 0, 13].map((value) => [{ a: 1 }, value]))
  })

  test('an UpDownCounter that falls is no reset', async () => {
    const { adapter, meter, turn } = bufferedPipeline({}, {}, CUMULATIVE)
    const values = [5, 2, -4, 0]
    const upDown = meter.createObservableUpDownCounter('upDown')
    upDown.addCallback((result) => result.observe(values.shift()!))
    const starts = new Set<number>()
    for (const expected of [...values]) {
      await turn()
      const [shown] = await adapter.cumulative('upDown')
      expect(shown!.value).toBe(expected)
      starts.add(shown!.start)
    }
    expect(starts.size).toBe(1)
  })

  test('an asynchronous callback is waited for', async () => {
    const { meter, points } = bufferedPipeline()
    meter.createObservableGauge('gauge').addCallback(async (result) => {
      await new Promise((resolve) => setImmediate(resolve))
      result.observe(1)
    })
    expect(await points()).toEqual([[{}, 1]])
  })

  test('of one attribute set the last value counts, whatever its key order', async () => {
    const { meter, points } = bufferedPipeline()
    meter.createObservableCounter('counter').addCallback((result) => {
      result.observe(5, { a: 1, b: 2 })
      result.observe(7, { b: 2, a: 1 })
    })
    expect(await points()).toEqual([[{ a: 1, b: 2 }, 7]])
  })

  test('the callback may use one object for everything it observes', async () => {
    const { meter, points } = bufferedPipeline()
    meter.createObservableGauge('gauge').addCallback((result) => {
      const attributes = { n: 0, list: [0] }
      for (let n = 0; n < 3; n++) {
        attributes.n = attributes.list[0] = n
        result.observe(n, attributes)
      }
    })
    expect(await points()).toEqual([0, 1, 2].map((n) => [{ n, list: [n] }, n]))
  })

  test('sets that a view makes equal are added up, but for gauges, of which the last one counts', async () => {
    const { meter, points } = bufferedPipeline({
      views: [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor(['kept'])] }],
    })
    for (const create of ['createObservableCounter', 'createObservableUpDownCounter', 'createObservableGauge'] as const)
      meter[create](create).addCallback((result) => {
        result.observe(1, { kept: 1, dropped: 1 })
        result.observe(2, { kept: 1, dropped: 2 })
      })
    expect((await points()).map(([, value]) => value)).toEqual([3, 3, 2])
    expect((await points()).map(([, value]) => value)).toEqual([0, 0, 2])
  })

  test('what is observed beyond the limit is one sum, of which the difference is exported', async () => {
    const { meter, points } = bufferedPipeline({ cardinalityLimits: { default: 2 } })
    let each = 0
    meter.createObservableCounter('counter').addCallback((result) => {
      each++
      for (let n = 0; n < 5; n++) result.observe(each * 10, { n })
    })
    for (let turn = 0; turn < 3; turn++) {
      expect(await points()).toEqual([
        [{ n: 0 }, 10],
        [{ n: 1 }, 10],
        [OVERFLOW, 30],
      ])
    }
    expect(log).toHaveLength(1)
    expect(log[0]).toContain('"n" has the most values, 2.')
  })
})

describe('sets that share a series', () => {
  test('beyond the limit are differenced each on its own, also when several callbacks observe them', async () => {
    const { meter, points } = bufferedPipeline({ cardinalityLimits: { default: 1 } })
    const counter = meter.createObservableCounter('counter')
    counter.addCallback((result) => {
      result.observe(10, { n: 1 })
      result.observe(10, { n: 2 })
    })
    counter.addCallback((result) => result.observe(100, { n: 3 }))
    expect(await points()).toEqual([
      [{ n: 1 }, 10],
      [OVERFLOW, 110],
    ])
    expect(await points()).toEqual([
      [{ n: 1 }, 0],
      [OVERFLOW, 0],
    ])
  })

  test('by a view begin anew each on its own: the others are not counted again', async () => {
    const { adapter, meter, turn } = bufferedPipeline(
      { views: [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor([])] }] },
      {},
      CUMULATIVE,
    )
    const observed = { a: 10, b: 100 }
    meter.createObservableCounter('counter').addCallback((result) => {
      for (const [n, value] of Object.entries(observed)) result.observe(value, { n })
    })
    await turn()
    observed.a = 3
    await turn()
    expect(await adapter.cumulative('counter')).toMatchObject([{ attributes: {}, value: 113 }])
  })
})

describe('an observable counter that falls has begun anew', () => {
  test('as delta it shows the new value', async () => {
    const { meter, points } = bufferedPipeline()
    const values = [100, 130, 7, 9]
    meter.createObservableCounter('counter').addCallback((result) => result.observe(values.shift()!))
    const exported: unknown[] = []
    for (let turn = 0; turn < 4; turn++) exported.push((await points())[0]![1])
    expect(exported).toEqual([100, 30, 7, 2])
  })

  test('as cumulative it starts anew, later, and only that series does', async () => {
    const { adapter, meter, turn } = bufferedPipeline({}, {}, CUMULATIVE)
    const values = [100, 130, 7, 9]
    meter.createObservableCounter('counter').addCallback((result) => {
      result.observe(values.shift()!, { resets: true })
      result.observe(1, { resets: false })
    })
    const shown: { value: unknown; start: number }[] = []
    const others = new Set<number>()
    for (let each = 0; each < 4; each++) {
      await turn()
      const [resetting, steady] = await adapter.cumulative('counter')
      shown.push(resetting!)
      others.add(steady!.start)
    }
    expect(shown.map(({ value }) => value)).toEqual([100, 130, 7, 9])
    expect(shown[1]!.start).toBe(shown[0]!.start)
    expect(shown[2]!.start).toBeGreaterThan(shown[1]!.start)
    expect(shown[3]!.start).toBe(shown[2]!.start)
    expect(others.size).toBe(1)
  })

  test('twice in one turn it shows what it came to since the last time', async () => {
    const { adapter, meter, turn } = bufferedPipeline({}, {}, CUMULATIVE)
    const values = [80, 90, 100, 7, 3, 4]
    const counter = meter.createObservableCounter('counter')
    for (let each = 0; each < 3; each++) counter.addCallback((result) => result.observe(values.shift()!))
    await turn()
    expect(await adapter.cumulative('counter')).toMatchObject([{ value: 100 }])
    await turn()
    expect(await adapter.cumulative('counter')).toMatchObject([{ value: 4 }])
  })
})

describe('a series that is not observed', () => {
  test('is not exported as cumulative, and its sum is remembered', async () => {
    const { adapter, meter, turn } = bufferedPipeline({}, {}, CUMULATIVE)
    const script = [5, undefined, undefined, 8]
    const counter = meter.createObservableCounter('counter')
    counter.addCallback((result) => {
      const value = script.shift()
      if (value !== undefined) result.observe(value, { a: 1 })
      result.observe(1, { always: true })
    })
    const shown: unknown[][] = []
    for (let each = 0; each < 4; each++) {
      await turn()
      shown.push((await adapter.cumulative('counter')).map(({ value }) => value))
    }
    expect(shown).toEqual([[5, 1], [1], [1], [8, 1]])
  })

  test('is not in the turn of a delta adapter, and the next difference spans the gap', async () => {
    const { meter, points } = bufferedPipeline()
    const script = [5, undefined, undefined, 8]
    meter.createObservableCounter('counter').addCallback((result) => {
      const value = script.shift()
      if (value !== undefined) result.observe(value)
    })
    expect([await points(), await points(), await points(), await points()]).toEqual([[[{}, 5]], [], [], [[{}, 3]]])
  })
})

describe('a callback', () => {
  test('added twice is one, and removed it is called no more', async () => {
    const { meter, points } = bufferedPipeline()
    const gauge = meter.createObservableGauge('gauge')
    let calls = 0
    const callback = (result: { observe(value: number): void }) => result.observe(++calls)
    gauge.addCallback(callback)
    gauge.addCallback(callback)
    expect(await points()).toEqual([[{}, 1]])
    gauge.removeCallback(callback)
    gauge.removeCallback(() => {})
    expect(await points()).toEqual([])
    gauge.addCallback(callback)
    expect(await points()).toEqual([[{}, 2]])
  })

  test('of two instruments is run for each', async () => {
    const { meter, points } = bufferedPipeline()
    let calls = 0
    const callback = (result: { observe(value: number): void }) => result.observe(++calls)
    meter.createObservableGauge('one').addCallback(callback)
    meter.createObservableGauge('other').addCallback(callback)
    expect((await points()).map(([, value]) => value)).toEqual([1, 2])
  })

  test('that is no function is told, and costs nothing', async () => {
    const { meter, points } = bufferedPipeline()
    const gauge = meter.createObservableGauge('gauge')
    gauge.addCallback(undefined as never)
    gauge.addCallback((result) => result.observe(1))
    expect(await points()).toEqual([[{}, 1]])
    expect(log[0]).toContain('the callback of gauge')
  })

  test('may add and remove callbacks', async () => {
    const { meter, points } = bufferedPipeline()
    const gauge = meter.createObservableGauge('gauge')
    const late = (result: ObservableResult) => result.observe(2, { late: true })
    const first = (result: { observe(value: number): void }) => {
      result.observe(1)
      gauge.removeCallback(first)
      gauge.addCallback(late)
    }
    gauge.addCallback(first)
    expect(await points()).toEqual([[{}, 1]])
    expect(await points()).toEqual([[{ late: true }, 2]])
  })

  test('for a batch observes all its instruments, and no other', async () => {
    const { meter, points, buffer } = bufferedPipeline()
    const counter = meter.createObservableCounter('counter')
    const gauge = buffer.getMeter('other').createObservableGauge('gauge')
    const stranger = meter.createObservableGauge('stranger')
    const foreign = bufferedPipeline().meter.createObservableGauge('foreign')
    const callback = (result: { observe(metric: never, value: number, attributes?: object): void }) => {
      result.observe(counter as never, 1, { a: 1 })
      result.observe(gauge as never, 2)
      result.observe(stranger as never, 3)
      result.observe(foreign as never, 4)
      result.observe({} as never, 5)
    }
    meter.addBatchObservableCallback(callback as never, [counter, gauge])
    meter.addBatchObservableCallback(callback as never, [gauge, counter])
    expect(await points()).toEqual([
      [{ a: 1 }, 1],
      [{}, 2],
    ])
    meter.removeBatchObservableCallback(callback as never, [counter, gauge])
    expect(await points()).toEqual([])
  })

  test('for a batch without an instrument of the buffer is told and left out', async () => {
    const { meter, points } = bufferedPipeline()
    meter.addBatchObservableCallback(() => expect.unreachable(), [])
    expect(await points()).toEqual([])
    expect(log[0]).toContain('needs at least one observable instrument of this buffer')
  })
})

test('what records in a callback is of the turn or the next, once', async () => {
  const { meter, turn } = bufferedPipeline()
  const counter = meter.createCounter('calls')
  meter.createObservableGauge('gauge').addCallback(async (result) => {
    counter.add(1)
    result.observe(1)
    await null
    counter.add(10)
  })
  for (let each = 0; each < 3; each++) {
    const points = await turn()
    expect(points.find(({ name }) => name === 'calls')!.value).toBe(11)
  }
})

test.each([DELTA, CUMULATIVE])(
  'the same instrument made twice remembers one sum (temporality %s)',
  async (temporality) => {
    const { adapter, meter, turn } = bufferedPipeline({}, {}, temporality)
    let value = 0
    for (const description of ['short', 'a longer one']) {
      const counter = meter.createObservableCounter('counter', { description })
      counter.addCallback((result) => result.observe(value))
    }
    const values: unknown[] = []
    for (value of [5, 8]) {
      const points = await turn()
      values.push(...(temporality === DELTA ? points : await adapter.cumulative('counter')).map((point) => point.value))
    }
    expect(values).toEqual(temporality === DELTA ? [5, 3] : [5, 8])
  },
)
