import type { Attributes } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { type CollectionResult, DataPointType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { attributeKey } from '../src/series/attribute-key.ts'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

/** More than anything here takes on a slow machine, and hundreds of times less than what it would take without bounds. */
const MOST_CPU_MILLIS = 2_000

/** Takes no memory, and a minute to walk along. */
function endless(): unknown[] {
  const array: unknown[] = []
  array.length = 2 ** 32 - 1
  return array
}

/** 10^12 values, in six arrays. */
function laughing(): unknown {
  let value: unknown = 'lol'
  for (let i = 0; i < 6; i++) value = Array<unknown>(100).fill(value)
  return value
}

const ownIterator = () => Object.assign(['x'], { [Symbol.iterator]: () => ({ next: () => ({ value: 'x' }) }) })
const lying = () => new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 40 : 'x') })
const manyNames = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, i]))

/** Values that no set may have. */
const ENDLESS: readonly (readonly [what: string, make: () => unknown])[] = [
  ['an array of 2^32 - 1 holes', endless],
  ['an array of as many texts as a proxy says', lying],
  ['an array of 4097 numbers', () => Array.from({ length: 4097 }, (_, i) => i)],
  ['a text in more arrays than memory', laughing],
  ['an array in an array', () => [endless()]],
]

function cpuMillis(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

describe.each(ENDLESS)('%s', (_what, make) => {
  test('is left out of what instruments of the buffer record, also where arrays are known', async () => {
    const { meter, points, reader } = bufferedPipeline({ exemplarFilter: 'always_on' })
    const [counter, histogram] = [meter.createCounter('counter'), meter.createHistogram('histogram')]
    counter.add(1, { a: ['known'], kept: 'x' })
    const attributes = { a: make(), kept: 'x' } as Attributes
    meter.createObservableGauge('gauge').addCallback((result) => result.observe(1, attributes))
    const millis = cpuMillis(() => {
      for (let each = 0; each < 100; each++) {
        counter.add(1, attributes)
        histogram.record(1, attributes)
        counter.bind(attributes).add(1)
      }
    })
    expect(millis).toBeLessThan(MOST_CPU_MILLIS)
    const [known, mended, , gauge] = await points()
    expect(known).toEqual([{ a: ['known'], kept: 'x' }, 1])
    expect(mended).toEqual([{ kept: 'x' }, 200])
    expect(gauge).toEqual([{ kept: 'x' }, 1])
    expect(log).toHaveLength(3)
    expect(reader.stats().droppedMeasurements).toBe(0)
  })

  test('is left out of the points of a producer, of its scope, and of the resource', async () => {
    const adapter = new CollectingAdapter()
    const scopes: object[] = []
    adapter.onAbsorb = ({ stream }) => scopes.push(stream.scope)
    const attributes = { a: make(), kept: ['x'] }
    const point = { startTime: [1, 0], endTime: [2, 0], attributes, value: 1 }
    const collect = async () =>
      ({
        resourceMetrics: {
          resource: resourceFromAttributes({}),
          scopeMetrics: [
            {
              scope: { name: 'scope', attributes },
              metrics: [
                {
                  descriptor: { name: 'metric' },
                  dataPointType: DataPointType.SUM,
                  aggregationTemporality: 1,
                  dataPoints: [point],
                },
              ],
            },
          ],
        },
        errors: [],
      }) as unknown as CollectionResult
    const reader = new BufferingMetricReader({ adapters: [adapter], metricProducers: [{ collect }] })
    const resource = {
      attributes: attributes as never,
      asyncAttributesPending: false,
      merge: () => resource as never,
      getRawAttributes: () => Object.entries(attributes) as never,
    }
    new MeterProvider({ readers: [reader], resource })
    const startedMillis = process.cpuUsage()
    await reader.flush()
    await reader.flush()
    expect(adapter.absorbed.map((absorbed) => absorbed.attributes)).toEqual([{ kept: ['x'] }, { kept: ['x'] }])
    expect(scopes[0]).toEqual({ name: 'scope', attributes: { kept: ['x'] } })
    expect(adapter.reader!.resource.attributes).toEqual({ kept: ['x'] })
    expect(process.cpuUsage(startedMillis).user / 1000).toBeLessThan(MOST_CPU_MILLIS)
  })

  test('has a key in no time', () => {
    expect(cpuMillis(() => attributeKey({ a: make() } as Attributes))).toBeLessThan(MOST_CPU_MILLIS)
  })
})

test('an array without end of the resource is left out before the SDK walks along it', async () => {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const resource = resourceFromAttributes({
    a: endless() as string[],
    'service.name': 'shop',
    late: Promise.resolve('x'),
  })
  new MeterProvider({ readers: [reader], resource })
  await reader.flush()
  expect(adapter.reader!.resource.attributes).toEqual({ 'service.name': 'shop', late: 'x' })
})

test('an array whose iterator has no end is as long as it says', async () => {
  const { meter, points } = bufferedPipeline()
  meter.createCounter('counter').add(1, { a: ownIterator() })
  expect(await points()).toEqual([[{ a: ['x'] }, 1]])
})

describe('a set', () => {
  test('of 4096 names and elements is kept', async () => {
    const { meter, points } = bufferedPipeline()
    const attributes = { ...manyNames(2000), list: Array.from({ length: 2095 }, (_, i) => i) }
    const counter = meter.createCounter('counter')
    counter.add(1, attributes)
    counter.add(1, { ...attributes })
    expect(await points()).toEqual([[attributes, 2]])
    expect(log).toEqual([])
  })

  test('of more names is left out, whose other measurements cost nothing more', async () => {
    const { meter, points } = bufferedPipeline()
    const [counter, gauge] = [meter.createCounter('counter'), meter.createGauge('gauge')]
    const attributes = manyNames(300_000)
    counter.add(1, attributes)
    const millis = cpuMillis(() => {
      for (let each = 0; each < 1_000; each++) {
        counter.add(1, attributes)
        gauge.record(1, attributes)
      }
    })
    expect(millis).toBeLessThan(MOST_CPU_MILLIS)
    expect(await points()).toEqual([
      [{}, 1_001],
      [{}, 1],
    ])
    expect(log).toEqual([
      'warn sluice: counter: attributes must be a map of at most 4096, got an object: all are left out (reported once)',
      'warn sluice: gauge: attributes must be a map of at most 4096, got an object: all are left out (reported once)',
    ])
  })

  test.each([
    ['an array', ['x']],
    ['a large buffer', Buffer.alloc(50_000_000)],
    ['floats', new Float64Array(10_000_000)],
  ])('that is %s is none', async (_what, attributes) => {
    const { meter, points } = bufferedPipeline()
    const counter = meter.createCounter('counter')
    counter.add(1)
    expect(cpuMillis(() => counter.add(1, attributes as never))).toBeLessThan(MOST_CPU_MILLIS)
    expect(await points()).toEqual([[{}, 2]])
  })

  test('of a value that is too large keeps the others, whatever comes first', async () => {
    const { meter, points } = bufferedPipeline()
    const large = Array.from({ length: 4090 }, (_, i) => i)
    meter.createCounter('counter').add(1, { first: large, second: large, third: ['x'], fourth: 4 })
    expect(await points()).toEqual([[{ first: large, third: ['x'], fourth: 4 }, 1]])
    expect(log).toEqual([expect.stringContaining('"second" is left out')])
  })
})

describe('a text', () => {
  test('of 131072 characters is kept', async () => {
    const { meter, points } = bufferedPipeline()
    const text = 'ü'.repeat(131_072)
    meter.createCounter('counter').add(1, { text, list: [text] })
    expect(await points()).toEqual([[{ text, list: [text] }, 1]])
    expect(log).toEqual([])
  })

  test('of more is cut, which is told once, and its beginning is the same series', async () => {
    const { meter, points } = bufferedPipeline()
    const counter = meter.createCounter('counter')
    const beginning = 'x'.repeat(131_072)
    for (const end of ['', 'a', 'b']) counter.add(1, { text: beginning + end, list: [beginning + end] })
    expect(await points()).toEqual([[{ text: beginning, list: [beginning] }, 3]])
    expect(log).toEqual([expect.stringContaining('what is beyond is cut off (reported once)')])
  })

  test('is left out where all texts of the set are more than 2^20 characters', async () => {
    const { meter, points } = bufferedPipeline()
    const texts = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`text${i}`, 'x'.repeat(131_000)]))
    meter.createCounter('counter').add(1, { ...texts, last: 'y' })
    const { text8, ...kept } = texts
    expect(await points()).toEqual([[{ ...kept, last: 'y' }, 1]])
  })

  test('that is cut does not keep the whole of it in memory', async () => {
    const { meter, turn } = bufferedPipeline({ attributeLimits: { attributeValueLengthLimit: 100 } })
    const counter = meter.createCounter('counter')
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 50; i++) counter.add(1, { text: `${i}${'x'.repeat(4_000_000)}`.replace('y', '') })
    globalThis.gc?.()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000)
    expect(await turn()).toHaveLength(50)
  })
})

describe('boundaries', () => {
  test.each([
    ['without end', endless()],
    ['of 10001', Array.from({ length: 10_001 }, (_, i) => i)],
    ['of arrays without end', [endless(), 1]],
    ['of maps without end', [{ a: endless() }]],
    ['of more elements than memory', [laughing()]],
  ])('%s that an instrument advises are ignored', async (_what, explicitBucketBoundaries) => {
    const { meter, points } = bufferedPipeline()
    const millis = cpuMillis(() => {
      meter
        .createHistogram('histogram', { advice: { explicitBucketBoundaries: explicitBucketBoundaries as number[] } })
        .record(1)
    })
    expect(millis).toBeLessThan(MOST_CPU_MILLIS)
    expect(await points()).toMatchObject([[{}, { count: 1 }]])
    expect(log).toEqual([expect.stringContaining('error sluice: the advice of histogram is ignored:')])
    expect(log[0]!.length).toBeLessThan(2_000)
  })

  test('of more than 10000 that a view gives are rejected', () => {
    const boundaries = Array.from({ length: 10_001 }, (_, i) => i)
    const views = [{ instrumentName: '*', aggregation: { type: 4 as never, options: { boundaries } } }]
    expect(() => new MetricsBuffer({ views })).toThrow(
      new RangeError('MetricsBuffer: views[0].aggregation.options.boundaries must be at most 10000 numbers, got 10001'),
    )
  })

  test('of more than 10000 leave a histogram of the SDK its count and sum, which is told once', async () => {
    const { sdkMeter, points } = bufferedPipeline()
    const explicitBucketBoundaries = Array.from({ length: 10_001 }, (_, i) => i)
    const histogram = sdkMeter.createHistogram('histogram', { advice: { explicitBucketBoundaries } })
    for (let turn = 0; turn < 2; turn++) {
      histogram.record(5)
      histogram.record(20_000)
      expect(await points()).toEqual([
        [{}, { buckets: { boundaries: [], counts: [2] }, count: 2, sum: 20_005, min: 5, max: 20_000 }],
      ])
    }
    expect(log).toEqual([
      expect.stringContaining('must be at most 10000 numbers, got an object: its buckets are left out'),
    ])
  })

  test('of 10000 are kept', async () => {
    const { meter, points } = bufferedPipeline()
    const explicitBucketBoundaries = Array.from({ length: 10_000 }, (_, i) => i)
    meter.createHistogram('histogram', { advice: { explicitBucketBoundaries } }).record(9_999)
    const [[, value]] = (await points()) as [[unknown, { buckets: { counts: number[] } }]]
    expect(value.buckets.counts.indexOf(1)).toBe(9_999)
  })
})
