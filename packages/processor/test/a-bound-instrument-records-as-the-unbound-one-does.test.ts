import type { Attributes } from '@opentelemetry/api'
import { AggregationType, createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import type { BufferedMeter } from '@otel-sluice/processor'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

/** An instrument whose measurements are made through one method, whatever it is called. */
interface Recording {
  record(value: number, attributes?: Attributes): void
  bind(attributes: Attributes): Recording
}

interface Added {
  add(value: number, attributes?: Attributes): void
  bind(attributes: Attributes): Added
}

const adding = (instrument: Added): Recording => ({
  record: (value, attributes) => instrument.add(value, attributes),
  bind: (attributes) => adding(instrument.bind(attributes)),
})

const KINDS: readonly (readonly [kind: string, make: (meter: BufferedMeter, name: string) => Recording])[] = [
  ['a counter', (meter, name) => adding(meter.createCounter(name))],
  ['an UpDownCounter', (meter, name) => adding(meter.createUpDownCounter(name))],
  ['a gauge', (meter, name) => meter.createGauge(name)],
  ['a histogram', (meter, name) => meter.createHistogram(name)],
]

const VIEWS = {
  none: [],
  'one that drops attributes': [
    { instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor(['kept'])] },
  ],
  'two of which one drops attributes': [
    { instrumentName: 'bound', name: 'first' },
    { instrumentName: 'unbound', name: 'first' },
    { instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor(['kept'])] },
  ],
  'one that makes exponential histograms': [
    { instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM as const } },
  ],
}

const attributes = fc.dictionary(fc.constantFrom('kept', 'a', 'b'), fc.constantFrom(1, '1', true, ['x']), {
  maxKeys: 3,
})
const record = fc.record({
  value: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(Number.NaN, -1)),
  handle: fc.nat(2),
  own: fc.option(attributes, { nil: undefined }),
  cut: fc.boolean(),
})

describe.each(KINDS)('%s', (_kind, make) => {
  test.each(Object.keys(VIEWS) as (keyof typeof VIEWS)[])(
    'gives the same points bound and unbound, views: %s',
    async (views) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(attributes, { minLength: 3, maxLength: 3 }),
          fc.array(record, { maxLength: 30 }),
          async (sets, records) => {
            const pipeline = bufferedPipeline({ views: VIEWS[views] })
            const other = bufferedPipeline({ views: VIEWS[views] })
            const unbound = make(other.meter, 'unbound')
            const instrument = make(pipeline.meter, 'bound')
            const handles = sets.map((set) => instrument.bind(set))
            const expectSamePoints = async () => {
              const sorted = async (points: Promise<[unknown, unknown][]>) =>
                (await points).map((point) => JSON.stringify(point, sortedKeys)).sort()
              expect(await sorted(pipeline.points())).toEqual(await sorted(other.points()))
            }
            for (const { value, handle, own, cut } of records) {
              handles[handle]!.record(value, own)
              unbound.record(value, { ...sets[handle], ...own })
              if (cut) await expectSamePoints()
            }
            await expectSamePoints()
            expect(pipeline.reader.stats().droppedMeasurements).toBe(other.reader.stats().droppedMeasurements)
          },
        ),
        { numRuns: 40 },
      )
    },
  )

  test('stays what it is over many turns, also those in which it is not recorded', async () => {
    const { meter, points } = bufferedPipeline()
    const bound = make(meter, 'bound').bind({ route: '/' })
    for (let turn = 0; turn < 12; turn++) {
      if (turn % 4 === 0) bound.record(1)
      const exported = await points()
      expect(exported.map(([set]) => set)).toEqual(turn % 4 === 0 ? [{ route: '/' }] : [])
    }
  })

  test('is of the same series as other handles, and as unbound records, of these attributes', async () => {
    const { meter, points, reader } = bufferedPipeline()
    const instrument = make(meter, 'bound')
    for (const handle of [instrument.bind({ a: 1, b: 2 }), instrument.bind({ b: 2, a: 1 })]) handle.record(1)
    instrument.record(1, { a: 1, b: 2 })
    expect(await points()).toHaveLength(1)
    expect(reader.stats().series).toBe(1)
  })

  test('does not see what the caller does with its object later', async () => {
    const { meter, points } = bufferedPipeline()
    const given = { route: '/', tags: ['x'] }
    const bound = make(meter, 'bound').bind(given)
    given.route = '/changed'
    given.tags.push('y')
    bound.record(1)
    bound.record(1, { method: 'GET' })
    expect((await points()).map(([set]) => set)).toEqual([
      { route: '/', tags: ['x'] },
      { route: '/', tags: ['x'], method: 'GET' },
    ])
  })

  test('that is bound again has both, and the later ones win', async () => {
    const { meter, points } = bufferedPipeline()
    make(meter, 'bound').bind({ a: 1, b: 1 }).bind({ b: 2, c: 2 }).record(1)
    expect((await points()).map(([set]) => set)).toEqual([{ a: 1, b: 2, c: 2 }])
  })

  test('bound to nothing is the one without attributes', async () => {
    const { meter, points } = bufferedPipeline()
    const instrument = make(meter, 'bound')
    instrument.bind({}).record(1)
    instrument.record(1)
    expect((await points()).map(([set]) => set)).toEqual([{}])
  })

  test.each([
    ['null', null],
    ['undefined', undefined],
    ['text', 'text'],
    ['a number', 5],
    ['a function', () => {}],
    [
      'what throws when it is read',
      {
        get a() {
          throw new Error('no')
        },
      },
    ],
    ['a value that is not allowed', { a: { nested: 1 } }],
  ])('may be bound to %s: that is told, and left out', async (_what, given) => {
    const { meter, points } = bufferedPipeline()
    const bound = make(meter, 'bound').bind(given as never)
    bound.record(1)
    bound.record(1, given as never)
    expect((await points()).map(([set]) => set)).toEqual([{}])
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/^warn sluice: bound: .* left out \(reported once\)$/)
  })
})

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
