import type { Attributes, ObservableResult } from '@opentelemetry/api'
import { AggregationTemporality, createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline, OVERFLOW, sumOf } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const isOverflow = ({ attributes }: { attributes: unknown }) => JSON.stringify(attributes) === JSON.stringify(OVERFLOW)
const idOf = (attributes: unknown) => (attributes as { id: number }).id

const limit = fc.integer({ min: 1, max: 12 })
/** Turns of records by id: some ids come back, some are gone for good. */
const turns = fc.array(fc.array(fc.nat(20), { maxLength: 40 }), { minLength: 1, maxLength: 8 })

describe('a delta adapter', () => {
  test('in each turn sees the first sets up to the limit, each with all it was given, and the rest in one', async () => {
    await fc.assert(
      fc.asyncProperty(limit, turns, async (limit, turns) => {
        const { meter, turn } = bufferedPipeline({ cardinalityLimits: { default: limit } })
        const counter = meter.createCounter('counter')
        for (const ids of turns) {
          const expected = new Map<number, number>()
          let beyond = 0
          for (const [i, id] of ids.entries()) {
            const value = 2 ** i
            counter.add(value, { id })
            if (expected.has(id) || expected.size < limit) expected.set(id, (expected.get(id) ?? 0) + value)
            else beyond += value
          }
          const points = await turn()
          const own = points.filter((point) => !isOverflow(point))
          expect(new Map(own.map(({ attributes, value }) => [idOf(attributes), value]))).toEqual(expected)
          expect(points.filter(isOverflow).map(({ value }) => value)).toEqual(beyond > 0 ? [beyond] : [])
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('a cumulative adapter', () => {
  test('sees no more than the limit and the overflow ever, sets once seen for ever, and every value once', async () => {
    await fc.assert(
      fc.asyncProperty(limit, turns, async (limit, turns) => {
        const { adapter, meter, turn } = bufferedPipeline(
          { cardinalityLimits: { default: limit } },
          {},
          AggregationTemporality.CUMULATIVE,
        )
        const counter = meter.createCounter('counter')
        let total = 0
        const seen = new Set<number>()
        const distinct = new Set<number>()
        for (const ids of turns) {
          for (const id of ids) {
            counter.add(1, { id })
            distinct.add(id)
          }
          total += ids.length
          await turn()
          const shown = await adapter.cumulative('counter')
          const own = shown.filter((point) => !isOverflow(point)).map(({ attributes }) => idOf(attributes))
          expect(sumOf(shown)).toBe(total)
          expect(new Set(own).size).toBe(own.length)
          expect(own.length).toBeLessThanOrEqual(limit)
          expect(own).toEqual(expect.arrayContaining([...seen]))
          for (const id of own) seen.add(id)
          if (distinct.size <= limit) expect(own).toHaveLength(distinct.size)
        }
      }),
      { numRuns: 200 },
    )
  })
})

test('bound and unbound records share the limit, and nothing is lost or counted twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      limit,
      turns,
      fc.constantFrom(AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE),
      async (limit, turns, temporality) => {
        const { adapter, meter, turn } = bufferedPipeline({ cardinalityLimits: { default: limit } }, {}, temporality)
        const counter = meter.createCounter('counter')
        const handles = new Map<number, ReturnType<typeof counter.bind>>()
        let total = 0
        for (const ids of turns) {
          for (const [i, id] of ids.entries()) {
            if (i % 5 === 0 && !handles.has(id)) handles.set(id, counter.bind({ id }))
            const handle = handles.get(id)
            if (handle !== undefined && i % 2 === 0) handle.add(1)
            else counter.add(1, { id })
          }
          total += ids.length
          const points = await turn()
          expect(points.length).toBeLessThanOrEqual(limit + 1)
          const shown = await adapter.cumulative('counter')
          expect(shown.length).toBeLessThanOrEqual(limit + 1)
          const isDelta = temporality === AggregationTemporality.DELTA
          expect(sumOf(isDelta ? adapter.absorbed : shown)).toBe(total)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('an observable counter beyond what is shown may fall, and the overflow series goes on', async () => {
  const { adapter, meter, sdkMeter, turn } = bufferedPipeline(
    { cardinalityLimits: { default: 1 } },
    { cardinalityLimits: { default: 1 } },
    AggregationTemporality.CUMULATIVE,
  )
  // The one place is taken by the same stream, recorded through the SDK.
  const first = (result: ObservableResult) => result.observe(1, { first: true })
  const other = sdkMeter.createObservableCounter('counter')
  other.addCallback(first)
  await turn()
  other.removeCallback(first)
  const values = [5, 2, 9]
  meter.createObservableCounter('counter').addCallback((result) => result.observe(values.shift()!, { n: 1 }))
  for (const total of [5, 7, 14]) {
    await turn()
    expect(await adapter.cumulative('counter')).toMatchObject([{ attributes: OVERFLOW, value: total }])
  }
})

test('a histogram beyond its limit keeps every measurement, too', async () => {
  const { meter, points } = bufferedPipeline({ cardinalityLimits: { histogram: 2 } })
  const histogram = meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [10] } })
  for (let n = 0; n < 5; n++) histogram.record(n * 5, { n })
  const exported = await points()
  expect(exported.map(([attributes]) => attributes)).toEqual([{ n: 0 }, { n: 1 }, OVERFLOW])
  expect(exported[2]![1]).toMatchObject({ count: 3, sum: 45, buckets: { counts: [1, 2] } })
})

test('what a view drops does not count', async () => {
  const { meter, points } = bufferedPipeline({
    cardinalityLimits: { default: 2 },
    views: [{ instrumentName: 'counter', attributesProcessors: [createAllowListAttributesProcessor(['kept'])] }],
  })
  const counter = meter.createCounter('counter')
  for (let n = 0; n < 10; n++) counter.add(1, { kept: n % 2, dropped: n })
  expect(await points()).toEqual([
    [{ kept: 0 }, 5],
    [{ kept: 1 }, 5],
  ])
})

test('a view has a limit of its own', async () => {
  const { meter, points } = bufferedPipeline({
    cardinalityLimits: { default: 100 },
    views: [{ instrumentName: 'counter', aggregationCardinalityLimit: 1 }],
  })
  const counter = meter.createCounter('counter')
  for (let n = 0; n < 3; n++) counter.add(1, { n })
  expect(await points()).toEqual([
    [{ n: 0 }, 1],
    [OVERFLOW, 2],
  ])
})

test('the reader gives the limits where the buffer has none of its own', async () => {
  const { meter, points } = bufferedPipeline({}, { cardinalityLimits: { counter: 1 } })
  const counter = meter.createCounter('counter')
  for (let n = 0; n < 3; n++) counter.add(1, { n })
  expect(await points()).toHaveLength(2)
})

test('a set that looks like the overflow series is the overflow series, and takes no place', async () => {
  const { meter, points } = bufferedPipeline({ cardinalityLimits: { default: 1 } })
  const counter = meter.createCounter('counter')
  counter.add(1, OVERFLOW)
  counter.add(1, { n: 1 })
  counter.add(1, { n: 2 })
  expect(await points()).toEqual([
    [OVERFLOW, 2],
    [{ n: 1 }, 1],
  ])
})

describe('the warning', () => {
  test('comes once for an instrument, and names the attribute with the most values and what to do', async () => {
    const { meter, turn } = bufferedPipeline({ cardinalityLimits: { default: 6 } })
    const counter = meter.createCounter('requests')
    for (let each = 0; each < 3; each++) {
      for (let user = 0; user < 10; user++) counter.add(1, { route: `/${user % 2}`, user, method: 'GET' })
      await turn()
    }
    expect(log).toEqual([
      'warn sluice: requests has more than 6 attribute sets at a time; what is beyond is added up under ' +
        'otel.metric.overflow=true. "user" has the most values, 6. Record fewer distinct attributes, drop some in a view, ' +
        'or raise cardinalityLimits',
    ])
  })

  test.each<[string, Attributes[], string]>([
    [
      'values of each type',
      [{ a: 1 }, { a: '1' }, { a: true }, { a: [1] }, { a: ['1'] }, { b: 1 }],
      '"a" has the most values, 5',
    ],
    [
      'only the values, not the sets',
      [
        { a: 1, b: 1 },
        { a: 1, b: 2 },
        { a: 1, b: 3 },
        { a: 1, c: 3 },
      ],
      '"b" has the most values, 3',
    ],
    [
      'sets that begin others',
      [{ a: 1 }, { a: 1, b: 1 }, { a: 1, b: 1, c: 1 }, { a: 2 }],
      '"a" has the most values, 2',
    ],
    ['a name that needs quotes', [{ 'a"': 1 }, { 'a"': 2 }], '"a\\"" has the most values, 2'],
  ])('counts %s', (_what, sets, expected) => {
    const { meter } = bufferedPipeline({ cardinalityLimits: { default: sets.length } })
    const counter = meter.createCounter('counter')
    for (const set of sets) counter.add(1, set)
    counter.add(1, { beyond: 1 })
    expect(log).toHaveLength(1)
    expect(log[0]).toContain(expected)
  })

  test('comes for each instrument', () => {
    const { meter } = bufferedPipeline({ cardinalityLimits: { default: 1 } })
    for (const name of ['one', 'other']) {
      const counter = meter.createCounter(name)
      for (let n = 0; n < 3; n++) counter.add(1, { n })
    }
    expect(log.map((line) => line.slice(0, 24))).toEqual(
      ['warn sluice: one has more', 'warn sluice: other has m'].map((l) => l.slice(0, 24)),
    )
  })

  test('does not come where there is as much as the limit', async () => {
    const { meter, turn } = bufferedPipeline({ cardinalityLimits: { default: 3 } })
    const counter = meter.createCounter('counter')
    for (let each = 0; each < 5; each++) {
      for (let n = 0; n < 3; n++) counter.add(1, { each, n })
      await turn()
    }
    expect(log).toEqual([])
  })
})
