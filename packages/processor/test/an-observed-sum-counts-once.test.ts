import type { ObservableResult } from '@opentelemetry/api'
import { AggregationTemporality, createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline, OVERFLOW, sumOf } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const { DELTA, CUMULATIVE } = AggregationTemporality
const MERGED = [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor([])] }]
const ids = (length: number, from = 0) => Array.from({ length }, (_, i) => from + i)

describe('sets that are not observed in every turn', () => {
  test.each([
    ['in one series by a view', { views: MERGED }],
    ['beyond the limit', {}],
  ])('count once %s', async (_what, options) => {
    const { adapter, meter, turn } = bufferedPipeline({ cardinalityLimits: { default: 3 }, ...options }, {}, CUMULATIVE)
    let hosts = ids(9)
    meter.createObservableCounter('bytes').addCallback((result) => {
      for (const host of hosts) result.observe(100, { host })
    })
    for (let each = 0; each < 4; each++) {
      hosts = ids(9)
      await turn()
      expect(sumOf(await adapter.cumulative('bytes'))).toBe(900)
      hosts = [0]
      await turn()
    }
    expect(log.filter((line) => line.includes('goes on from there'))).toEqual([])
  })

  test.each(['createObservableCounter', 'createObservableUpDownCounter'] as const)(
    'never count again, however many came meanwhile: %s',
    async (create) => {
      const { meter, points, turn } = bufferedPipeline({ cardinalityLimits: { default: 2 } })
      let observed = ids(1)
      let value = 100
      meter[create]('bytes').addCallback((result) => {
        for (const host of observed) result.observe(value, { host })
      })
      expect(await points()).toEqual([[{ host: 0 }, 100]])
      for (let from = 1; from < 200; from += 2) {
        observed = ids(2, from)
        expect(sumOf(await turn())).toBe(200)
      }
      observed = [0]
      value = 130
      expect(await points()).toEqual([[{ host: 0 }, 0]])
      value = 135
      expect(await points()).toEqual([[{ host: 0 }, 5]])
      expect(log).toEqual([
        'warn sluice: bytes: an attribute set must be observed again before 10 others are, got 130: it goes on from there, ' +
          'what was added meanwhile is not counted (reported once)',
      ])
    },
  )

  test('are remembered for as long as they are observed, however many there are', async () => {
    const { meter, turn } = bufferedPipeline({ cardinalityLimits: { default: 2 } })
    let value = 0
    meter.createObservableCounter('bytes').addCallback((result) => {
      for (const host of ids(100)) result.observe(value, { host })
    })
    for (value of [10, 11, 13]) await turn()
    value = 20
    expect(sumOf(await turn())).toBe(700)
  })
})

test.each([
  ['without a view', {}],
  ['with one that makes sets equal', { views: MERGED }],
])('a callback that is removed and added again goes on, %s', async (_what, options) => {
  const { meter, points } = bufferedPipeline(options)
  const counter = meter.createObservableCounter('bytes')
  const callbacks = ids(2).map(() => (result: ObservableResult) => {
    result.observe(100, { host: 1 })
  })
  const values: unknown[] = []
  for (const callback of [callbacks[0]!, callbacks[0]!, callbacks[1]!]) {
    counter.addCallback(callback)
    values.push((await points())[0]![1])
    counter.removeCallback(callback)
  }
  expect(values).toEqual([100, 0, 0])
})

describe('sets that come and go', () => {
  test.each(['createObservableCounter', 'createObservableUpDownCounter'] as const)(
    'never overflow where no more than the limit are observed at a time, as delta: %s',
    async (create) => {
      const { meter, points } = bufferedPipeline({ cardinalityLimits: { default: 3 } })
      let from = 0
      meter[create]('bytes').addCallback((result) => {
        for (const id of ids(3, from)) result.observe(1, { id })
      })
      for (from = 0; from < 60; from += 3) expect(await points()).toEqual(ids(3, from).map((id) => [{ id }, 1]))
      expect(log).toEqual([])
    },
  )

  test('never overflow once those before are stale, as cumulative', async () => {
    const { adapter, meter, turn } = bufferedPipeline(
      { cardinalityLimits: { default: 4 } },
      { staleAfterMillis: 0.001 },
      CUMULATIVE,
    )
    let from = 0
    meter.createObservableCounter('bytes').addCallback((result) => {
      for (const id of ids(2, from)) result.observe(1, { id })
    })
    for (from = 0; from < 40; from += 2) {
      await turn()
      expect((await adapter.cumulative('bytes')).map(({ attributes }) => attributes)).toEqual(
        ids(2, from).map((id) => ({ id })),
      )
    }
  })

  test('keep their series as long as a cumulative one is shown, whatever is observed before them', async () => {
    const { adapter, meter, turn } = bufferedPipeline({ cardinalityLimits: { default: 2 } }, {}, CUMULATIVE)
    let observed = [1, 2]
    let value = 10
    const counter = meter.createObservableCounter('bytes')
    const observeEach = (sets: () => number[]) =>
      counter.addCallback((result) => {
        for (const id of sets()) result.observe(value, { id })
      })
    observeEach(() => observed.filter((id) => id > 2))
    observeEach(() => observed.filter((id) => id <= 2))
    await turn()
    observed = [3, 4]
    await turn()
    observed = [1, 2, 3, 4]
    value = 15
    await turn()
    expect((await adapter.cumulative('bytes')).map(({ attributes, value }) => [attributes, value])).toEqual([
      [{ id: 1 }, 15],
      [{ id: 2 }, 15],
      [OVERFLOW, 30],
    ])
  })

  test('are one sum with what they were in the overflow series before', async () => {
    const { meter, points } = bufferedPipeline({ cardinalityLimits: { default: 1 } })
    let observed = [1, 2]
    meter.createObservableCounter('bytes').addCallback((result) => {
      for (const id of observed) result.observe(10, { id })
    })
    expect(await points()).toEqual([
      [{ id: 1 }, 10],
      [OVERFLOW, 10],
    ])
    observed = [2]
    expect(await points()).toEqual([[{ id: 2 }, 0]])
    observed = [1, 2]
    expect(sumOf((await points()).map(([, value]) => ({ value })))).toBe(0)
  })
})

test.each([DELTA, CUMULATIVE])(
  'what is observed of a series that is forgotten elsewhere goes on (temporality %s)',
  async (temporality) => {
    const { adapter, meter, turn } = bufferedPipeline({}, { staleAfterMillis: 0.001 }, temporality)
    const script = [5, undefined, undefined, undefined, 8]
    meter.createObservableCounter('bytes').addCallback((result) => {
      const value = script.shift()
      if (value !== undefined) result.observe(value)
    })
    for (let each = 0; each < 5; each++) await turn()
    if (temporality === DELTA) expect(adapter.values('bytes')).toEqual([5, 3])
    else expect(await adapter.cumulative('bytes')).toMatchObject([{ value: 3 }])
  },
)
