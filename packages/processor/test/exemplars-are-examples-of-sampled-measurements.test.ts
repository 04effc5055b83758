import { type Attributes, type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { AggregationType, createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import { addAttributes, type Exemplar, MetricsBuffer, type MetricsBufferOptions } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})
afterEach(() => vi.unstubAllEnvs())

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }

const inSpan = (traceFlags: TraceFlags): Context => trace.setSpanContext(ROOT_CONTEXT, { ...TRACE, traceFlags })
const sampled = inSpan(TraceFlags.SAMPLED)
const unsampled = inSpan(TraceFlags.NONE)

/** What an adapter sees of one series. */
interface Seen {
  readonly name: string
  readonly attributes: Attributes
  readonly exemplars: readonly Exemplar[]
}

function exemplified(
  options: MetricsBufferOptions = { exemplarFilter: 'trace_based' },
  readerOptions: Parameters<typeof bufferedPipeline>[1] = {},
) {
  const pipeline = bufferedPipeline(options, readerOptions)
  const seen: Seen[] = []
  const { adapter } = pipeline
  const absorb = adapter.absorb.bind(adapter)
  adapter.absorb = (series, generation) => {
    absorb(series, generation)
    seen.push({
      name: series.stream.descriptor.name,
      attributes: series.attributes,
      exemplars: generation.exemplarsOf(series),
    })
  }
  return {
    ...pipeline,
    /** A turn; what was seen of each series in it, of which there is at least one. */
    async exemplars() {
      const before = seen.length
      await pipeline.turn()
      return seen.slice(before) as [Seen, ...Seen[]]
    },
  }
}

describe('whether there are any', () => {
  test('a value that no exponential histogram has a bucket for is no example of one', async () => {
    const { meter, exemplars } = exemplified({
      exemplarFilter: 'always_on',
      views: [{ instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    })
    const histogram = meter.createHistogram('histogram')
    for (const value of [Number.POSITIVE_INFINITY, 1, Number.POSITIVE_INFINITY]) histogram.record(value)
    expect((await exemplars())[0].exemplars.map(({ value }) => value)).toEqual([1])
  })

  test('there are none by default', async () => {
    const { meter, exemplars } = exemplified({})
    meter.createCounter('counter').add(1, {}, sampled)
    expect((await exemplars())[0].exemplars).toEqual([])
  })

  test('trace_based takes what was recorded within a sampled span', async () => {
    const { meter, exemplars } = exemplified({ exemplarFilter: 'trace_based' })
    meter.createCounter('none').add(1, {}, ROOT_CONTEXT)
    meter.createCounter('unsampled').add(1, {}, unsampled)
    meter.createCounter('sampled').add(1, {}, sampled)
    expect((await exemplars()).map(({ name, exemplars }) => [name, exemplars.length])).toEqual([
      ['none', 0],
      ['unsampled', 0],
      ['sampled', 1],
    ])
  })

  test('always_on takes everything, with the trace if there is one', async () => {
    const { meter, exemplars } = exemplified({ exemplarFilter: 'always_on' })
    meter.createCounter('none').add(1, {}, ROOT_CONTEXT)
    meter.createCounter('sampled').add(1, {}, sampled)
    const [none, inTrace] = await exemplars()
    expect(none!.exemplars).toHaveLength(1)
    expect(none!.exemplars[0]).not.toHaveProperty('traceId')
    expect(none!.exemplars[0]).not.toHaveProperty('spanId')
    expect(inTrace!.exemplars).toMatchObject([TRACE])
  })

  test.each([
    ['always_on', 1],
    [' Always_On ', 1],
    ['always_off', 0],
    ['', 0],
  ])('OTEL_METRICS_EXEMPLAR_FILTER=%j decides where no option does', async (text, count) => {
    vi.stubEnv('OTEL_METRICS_EXEMPLAR_FILTER', text)
    const { meter, exemplars } = exemplified({})
    meter.createCounter('counter').add(1, {}, ROOT_CONTEXT)
    expect((await exemplars())[0].exemplars).toHaveLength(count)
    expect(log).toEqual([])
  })

  test('the option goes before the environment', async () => {
    vi.stubEnv('OTEL_METRICS_EXEMPLAR_FILTER', 'always_on')
    const { meter, exemplars } = exemplified({ exemplarFilter: 'always_off' })
    meter.createCounter('counter').add(1)
    expect((await exemplars())[0].exemplars).toEqual([])
  })

  test('another word in the environment is told, and means off', () => {
    vi.stubEnv('OTEL_METRICS_EXEMPLAR_FILTER', 'sometimes')
    new MetricsBuffer()
    expect(log).toEqual([
      expect.stringMatching(/OTEL_METRICS_EXEMPLAR_FILTER must be one of .*got 'sometimes'; it is off/),
    ])
  })
})

describe('what they say', () => {
  test('value, time in µs, trace and span', async () => {
    const { meter, exemplars } = exemplified()
    const before = Date.now() * 1_000
    meter.createCounter('counter').add(3, { a: 1 }, sampled)
    const [
      {
        exemplars: [exemplar],
      },
    ] = await exemplars()
    expect(exemplar).toEqual({ value: 3, timeUnixMicros: expect.any(Number), ...TRACE, filteredAttributes: {} })
    expect(exemplar!.timeUnixMicros).toBeGreaterThanOrEqual(before)
    expect(exemplar!.timeUnixMicros).toBeLessThanOrEqual(Date.now() * 1_000)
  })

  test('the attributes that a view has dropped, and no others', async () => {
    const { meter, exemplars } = exemplified({
      exemplarFilter: 'trace_based',
      views: [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor(['kept'])] }],
    })
    meter.createCounter('counter').add(1, { kept: 1, dropped: 'x' }, sampled)
    meter.createHistogram('histogram').bind({ kept: 1, bound: 'y' }).record(1, { dropped: 'x' }, sampled)
    meter.createGauge('gauge').bind({ kept: 1, bound: 'y' }).record(1, undefined, sampled)
    const shown = (await exemplars()).map(({ attributes, exemplars }) => [attributes, exemplars[0]!.filteredAttributes])
    expect(shown).toEqual([
      [{ kept: 1 }, { dropped: 'x' }],
      [{ kept: 1 }, { bound: 'y', dropped: 'x' }],
      [{ kept: 1 }, { bound: 'y' }],
    ])
  })

  test('all attributes of what went to the overflow series, bound ones too', async () => {
    const { meter, exemplars } = exemplified({ exemplarFilter: 'trace_based', cardinalityLimits: { default: 1 } })
    for (const name of ['recorded', 'bound', 'both']) {
      const counter = meter.createCounter(name)
      counter.add(1, { n: 1 }, sampled)
      if (name === 'recorded') counter.add(1, { n: 2 }, sampled)
      if (name === 'bound') counter.bind({ n: 2 }).add(1, undefined, sampled)
      if (name === 'both') counter.bind({ n: 2 }).add(1, { m: 3 }, sampled)
    }
    const overflowing = (await exemplars()).filter(({ attributes }) => 'otel.metric.overflow' in attributes)
    expect(overflowing.map(({ name, exemplars }) => [name, exemplars[0]!.filteredAttributes])).toEqual([
      ['recorded', { n: 2 }],
      ['bound', { n: 2 }],
      ['both', { n: 2, m: 3 }],
    ])
  })

  test('what the caller does with its attributes later changes nothing, and what is not allowed is left out', async () => {
    const { meter, exemplars } = exemplified({
      exemplarFilter: 'trace_based',
      views: [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor([])] }],
    })
    const given = { list: ['x'], bad: () => {} }
    meter.createCounter('counter').add(1, given as never, sampled)
    given.list.push('y')
    expect((await exemplars())[0].exemplars[0]!.filteredAttributes).toEqual({ list: ['x'] })
  })
})

describe('how many there are', () => {
  test('one for each series of a counter or gauge, which any of its measurements may be', async () => {
    const { meter, exemplars } = exemplified()
    const counter = meter.createCounter('counter')
    const seen = new Set<number>()
    for (let turn = 0; turn < 200 && seen.size < 4; turn++) {
      for (let value = 0; value < 4; value++) counter.add(value, { a: 1 }, sampled)
      const [{ exemplars: kept }] = await exemplars()
      expect(kept).toHaveLength(1)
      seen.add(kept[0]!.value)
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3])
  })

  test('one for each bucket of a histogram that has some, the latest', async () => {
    const { meter, exemplars } = exemplified()
    const histogram = meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [0, 10, 20] } })
    for (const value of [5, 7, 10, 0, 20.5, 99]) histogram.record(value, {}, sampled)
    expect((await exemplars())[0].exemplars.map(({ value }) => value)).toEqual([0, 10, 99])
  })

  test('up to twenty for an exponential histogram', async () => {
    const { meter, exemplars } = exemplified({
      exemplarFilter: 'trace_based',
      views: [{ instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    })
    const histogram = meter.createHistogram('histogram')
    for (let value = 1; value <= 5; value++) histogram.record(value, {}, sampled)
    expect((await exemplars())[0].exemplars.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5])
    for (let value = 1; value <= 500; value++) histogram.record(value, {}, sampled)
    const { exemplars: kept } = (await exemplars())[0]
    expect(new Set(kept.map(({ value }) => value)).size).toBe(20)
  })

  test('only those of its own turn', async () => {
    const { meter, exemplars } = exemplified()
    const counter = meter.createCounter('counter').bind({ a: 1 })
    for (let turn = 0; turn < 4; turn++) {
      counter.add(turn, undefined, turn % 2 === 0 ? sampled : ROOT_CONTEXT)
      expect((await exemplars())[0].exemplars.map(({ value }) => value)).toEqual(turn % 2 === 0 ? [turn] : [])
    }
  })
})

test('processors carry them along', async () => {
  const { meter, exemplars } = exemplified(
    { exemplarFilter: 'trace_based' },
    { processors: [addAttributes({ added: 1 })] },
  )
  meter.createCounter('counter').add(3, { a: 1 }, sampled)
  const [{ attributes, exemplars: kept }] = await exemplars()
  expect(attributes).toEqual({ a: 1, added: 1 })
  expect(kept).toMatchObject([{ value: 3, ...TRACE }])
})

test('numbers are the same with and without', async () => {
  const run = async (exemplarFilter: 'always_on' | 'always_off') => {
    const { meter, points } = exemplified({ exemplarFilter })
    const counter = meter.createCounter('counter')
    const histogram = meter.createHistogram('histogram')
    for (let n = 0; n < 50; n++) {
      counter.add(n)
      counter.add(n, { n: n % 3 })
      histogram.record(n)
    }
    return points()
  }
  expect(await run('always_on')).toEqual(await run('always_off'))
})
