import { ROOT_CONTEXT } from '@opentelemetry/api'
import { createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import { MetricsBuffer } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const cyclicArray: unknown[] = []
cyclicArray.push(cyclicArray)

/** None of these is text, a number, a boolean or an array of them. */
const NOT_VALUES: readonly (readonly [what: string, make: () => unknown])[] = [
  ['a function', () => () => 1],
  ['a class', () => class A {}],
  ['a symbol', () => Symbol('s')],
  ['a BigInt', () => 1n],
  ['undefined', () => undefined],
  ['null', () => null],
  ['a nested object', () => ({ a: 1 })],
  ['an object in a cycle', () => cyclic],
  ['an array in a cycle', () => cyclicArray],
  ['an array of arrays', () => [[1]]],
  ['an array of objects', () => [{ a: 1 }]],
  ['an array with a symbol', () => ['a', Symbol('s')]],
  ['an array with a function', () => [() => 1]],
  ['a Date', () => new Date(0)],
  ['an invalid Date', () => new Date(Number.NaN)],
  ['a Map', () => new Map([[1, 2]])],
  ['a boxed number', () => Object(1)],
  ['a typed array', () => new Uint8Array(2)],
  ['what throws as JSON', () => ({ toJSON: throwing })],
  ['what throws as text', () => ({ toString: throwing, valueOf: throwing, [Symbol.toPrimitive]: throwing })],
  ['a proxy that throws', () => new Proxy([1], { get: throwing })],
  ['a revoked proxy', () => revoked({})],
  ['a revoked proxy of an array', () => revoked([])],
]

describe.each(NOT_VALUES)('an attribute that is %s', (_what, make) => {
  test('is left out, which is told once', async () => {
    const { meter, points, reader } = bufferedPipeline()
    const counter = meter.createCounter('counter')
    for (let each = 0; each < 3; each++) counter.add(1, { kept: 'x', bad: make() as never })
    counter.add(1, { other: make() as never })
    expect(await points()).toEqual([
      [{ kept: 'x' }, 3],
      [{}, 1],
    ])
    expect(log).toEqual([
      expect.stringMatching(
        /^warn sluice: counter: an attribute must be text, a number, a boolean or an array of these, got .*: "bad" is left out \(reported once\)$/,
      ),
    ])
    expect(reader.stats().droppedMeasurements).toBe(0)
  })

  test('is no text that looks like it', async () => {
    const { meter, turn } = bufferedPipeline()
    const counter = meter.createCounter('counter')
    const value = make()
    for (const text of [
      '1',
      'null',
      'undefined',
      '[object Object]',
      '{"a":1}',
      '1970-01-01T00:00:00.000Z',
      1,
      true,
      '',
    ])
      counter.add(1, { a: text })
    counter.add(1, { a: value as never })
    expect(await turn()).toHaveLength(10)
  })

  test('is left out by every kind of instrument, bound and observed', async () => {
    const { meter, points } = bufferedPipeline({ exemplarFilter: 'always_on' })
    const attributes = { kept: 'x', bad: make() as never }
    meter.createCounter('a').add(1, attributes)
    meter.createUpDownCounter('b').bind(attributes).add(1)
    meter.createGauge('c').record(1, attributes)
    meter.createHistogram('d').bind({}).record(1, attributes)
    for (const create of ['createObservableCounter', 'createObservableUpDownCounter', 'createObservableGauge'] as const)
      meter[create](create).addCallback((result) => {
        result.observe(1, { before: 1 })
        result.observe(1, attributes)
        result.observe(1, { after: 1 })
      })
    const exported = await points()
    expect(exported.slice(0, 4).map(([set]) => set)).toEqual([
      { kept: 'x' },
      { kept: 'x' },
      { kept: 'x' },
      { kept: 'x' },
    ])
    const observed = [{ before: 1 }, { kept: 'x' }, { after: 1 }]
    expect(exported.slice(4).map(([set]) => set)).toEqual([...observed, ...observed, ...observed])
  })
})

test.each([
  [
    'a getter that throws',
    {
      get bad() {
        return throwing()
      },
    },
  ],
  ['a getter that throws later', throwsAfter(1)],
  ['a getter that throws much later', throwsAfter(3)],
  ['a proxy without names', new Proxy({}, { ownKeys: throwing })],
  ['a proxy without a prototype', new Proxy({}, { getPrototypeOf: throwing })],
  ['a proxy without descriptors', new Proxy({ bad: 1 }, { getOwnPropertyDescriptor: throwing })],
  ['a proxy without values', new Proxy({ bad: 1 }, { get: throwing })],
  ['a revoked proxy', revoked({})],
  ['null', null],
  ['text', 'text'],
  ['a number', 5],
  ['true', true],
  ['a symbol', Symbol('s')],
  ['a BigInt', 1n],
  ['a function', () => {}],
])('attributes that are %s never make recording throw', async (_what, attributes) => {
  const { meter, turn } = bufferedPipeline({
    exemplarFilter: 'always_on',
    views: [
      { instrumentName: 'counter', name: 'first' },
      { instrumentName: 'counter', attributesProcessors: [createAllowListAttributesProcessor(['kept'])] },
    ],
  })
  const [counter, histogram, gauge] = [
    meter.createCounter('counter'),
    meter.createHistogram('histogram'),
    meter.createGauge('gauge'),
  ]
  meter.createObservableGauge('observed').addCallback((result) => result.observe(1, attributes as never))
  // What could be found by accident.
  for (const known of [{}, { 0: 't', 1: 'e', 2: 'x', 3: 't' }]) counter.add(100, known)
  for (let each = 0; each < 2; each++) {
    counter.add(1, attributes as never)
    histogram.record(1, attributes as never)
    gauge.record(1, attributes as never)
    counter.bind({ kept: 1 }).add(1, attributes as never)
    counter.bind(attributes as never).add(1)
  }
  const exported = await turn()
  const total = (name: string) =>
    exported.filter((point) => point.name === name).reduce((sum, { value }) => sum + (value as number), 0)
  expect([total('first'), total('counter')]).toEqual([206, 206])
  const recorded = exported.filter(({ name }) => name === 'histogram').map(({ value }) => value as { count: number })
  expect(recorded.reduce((sum, { count }) => sum + count, 0)).toBe(2)
  expect(exported.filter(({ name }) => name === 'observed')).toHaveLength(1)
  expect(exported.filter((point) => '0' in point.attributes).every(({ value }) => value === 100)).toBe(true)
})

function throwsAfter(reads: number): { readonly bad: number } {
  let left = reads
  return {
    get bad() {
      return left-- > 0 ? 1 : throwing()
    },
  }
}

test('attribute names without end that have bad values are told of once', () => {
  const { meter } = bufferedPipeline()
  const counter = meter.createCounter('counter')
  for (let n = 0; n < 100; n++) counter.add(1, { [`name${n}`]: null } as never)
  expect(log).toHaveLength(1)
})

test('a logger that throws costs nothing', async () => {
  const { meter, points } = bufferedPipeline()
  diagLog(throwing)
  const counter = meter.createCounter('not a name')
  counter.add(Number.NaN)
  counter.add(1, { a: null } as never)
  expect(await points()).toEqual([[{}, 1]])
})

test.each([null, {}, 5, 'context', ROOT_CONTEXT])(
  'a context that is %s never makes recording throw',
  async (context) => {
    const { meter, points } = bufferedPipeline({ exemplarFilter: 'trace_based' })
    meter.createCounter('counter').add(1, {}, context as never)
    meter.createHistogram('histogram').record(1, undefined, context as never)
    expect(await points()).toHaveLength(2)
  },
)

test('a processor of a view that throws costs the attributes, not the value', async () => {
  const { meter, points } = bufferedPipeline({
    views: [{ instrumentName: '*', attributesProcessors: [{ process: throwing }] }],
  })
  const counter = meter.createCounter('counter')
  counter.add(1, { a: 1 })
  counter.bind({ a: 2 }).add(1)
  meter.createObservableGauge('gauge').addCallback((result) => result.observe(1, { a: 1 }))
  expect(await points()).toEqual([
    [{}, 2],
    [{}, 1],
  ])
  expect(log).toHaveLength(2)
})

test.each([undefined, null, 5, 'text', { a: null }])(
  'a processor of a view that gives %j costs the attributes',
  async (given) => {
    const { meter, points } = bufferedPipeline({
      views: [{ instrumentName: '*', attributesProcessors: [{ process: () => given as never }] }],
    })
    const counter = meter.createCounter('counter')
    counter.add(1, { a: 1 })
    counter.bind({ a: 2 }).add(1)
    meter.createObservableGauge('gauge').addCallback((result) => result.observe(1, { a: 1 }))
    expect(await points()).toEqual([
      [{}, 2],
      [{}, 1],
    ])
  },
)

describe('attribute limits', () => {
  test('leave out what comes beyond the count, and cut texts to their length', async () => {
    const { meter, points } = bufferedPipeline({
      attributeLimits: { attributeCountLimit: 2, attributeValueLengthLimit: 3 },
    })
    const counter = meter.createCounter('counter')
    counter.add(1, { a: 'long text', b: ['abcdef', 1], c: 'c' })
    counter.add(1, { a: 'lon', b: ['abc', 1] })
    expect(await points()).toEqual([[{ a: 'lon', b: ['abc', 1] }, 2]])
  })

  test('are none by default', async () => {
    const { meter, points } = bufferedPipeline()
    const attributes = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key${i}`, 'x'.repeat(5000)]))
    meter.createCounter('counter').add(1, attributes)
    expect(await points()).toEqual([[attributes, 1]])
  })

  test('have to be whole numbers', () => {
    expect(() => new MetricsBuffer({ attributeLimits: { attributeCountLimit: 1.5 } })).toThrow(
      new RangeError(
        'MetricsBuffer: attributeLimits.attributeCountLimit must be a whole number of at least 0, got 1.5',
      ),
    )
  })
})
