import { type Attributes, ValueType } from '@opentelemetry/api'
import { AggregationTemporality, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  addAttributes,
  BufferingMetricReader,
  type BufferingMetricReaderOptions,
  dropAttributes,
  dropMetrics,
  keepAttributes,
  keepMetrics,
  type MetricProcessor,
  renameMetrics,
} from '@otel-sluice/processor'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

function pipeline(
  processors: MetricProcessor[],
  options: Partial<BufferingMetricReaderOptions> = {},
  temporality = AggregationTemporality.DELTA,
) {
  const adapter = new CollectingAdapter()
  adapter.temporality = () => temporality
  const reader = new BufferingMetricReader({ adapters: [adapter], processors, ...options })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('shop')
  return { adapter, reader, meter, stats: () => reader.stats().adapters[0]!.stats }
}

const absorbed = ({ absorbed: all }: CollectingAdapter) =>
  all.map(({ name, attributes, value }) => ({ name, attributes, value }))

describe('metrics', () => {
  async function names(...processors: MetricProcessor[]) {
    const { adapter, reader, meter, stats } = pipeline(processors)
    for (const name of ['http.requests', 'http.latency', 'jobs']) meter.createCounter(name).add(1)
    await reader.flush()
    return {
      names: adapter.absorbed.map(({ name }) => name),
      filtered: stats().filteredPoints,
      offered: stats().offeredPoints,
    }
  }

  test('are kept by name or pattern, and the rest counts as filtered', async () => {
    expect(await names(keepMetrics('jobs'))).toEqual({ names: ['jobs'], filtered: 2, offered: 3 })
    expect(await names(keepMetrics(/^http\./g))).toMatchObject({
      names: ['http.requests', 'http.latency'],
      filtered: 1,
    })
  })

  test('are dropped by name or pattern', async () => {
    expect(await names(dropMetrics(/latency$/, 'jobs'))).toMatchObject({ names: ['http.requests'], filtered: 2 })
  })

  test('are renamed by table or function', async () => {
    expect((await names(renameMetrics({ jobs: 'tasks', constructor: 'x' }))).names).toEqual([
      'http.requests',
      'http.latency',
      'tasks',
    ])
    expect((await names(renameMetrics((name) => `shop.${name}`))).names).toEqual([
      'shop.http.requests',
      'shop.http.latency',
      'shop.jobs',
    ])
  })

  test('that get the same name, unit and kind become one', async () => {
    const { adapter, reader, meter } = pipeline([renameMetrics(() => 'all')])
    meter.createCounter('one').add(1)
    meter.createCounter('two').add(2)
    meter.createHistogram('three').record(3)
    await reader.flush()
    expect(adapter.absorbed.map(({ value }) => (typeof value === 'number' ? value : 'histogram'))).toEqual([
      3,
      'histogram',
    ])
  })

  test('go through the processors in their order', async () => {
    expect((await names(renameMetrics({ jobs: 'tasks' }), keepMetrics('tasks'))).names).toEqual(['tasks'])
    expect((await names(keepMetrics('tasks'), renameMetrics({ jobs: 'tasks' }))).names).toEqual([])
  })
})

describe('attributes', () => {
  test('that are dropped make series equal, which are aggregated into one', async () => {
    const { adapter, reader, meter } = pipeline([dropAttributes(['user'])])
    const counter = meter.createCounter('requests')
    const histogram = meter.createHistogram('latency', { advice: { explicitBucketBoundaries: [10] } })
    for (let user = 0; user < 5; user++) {
      counter.add(user, { user, route: '/' })
      histogram.record(user * 5, { user })
    }
    await reader.flush()
    expect(absorbed(adapter)).toEqual([
      { name: 'requests', attributes: { route: '/' }, value: 10 },
      {
        name: 'latency',
        attributes: {},
        value: { buckets: { boundaries: [10], counts: [3, 2] }, count: 5, sum: 50, min: 0, max: 20 },
      },
    ])
  })

  test('are kept and added, of all metrics or of those named', async () => {
    const { adapter, reader, meter } = pipeline([
      keepAttributes(['route'], 'requests'),
      addAttributes({ region: 'eu', route: 'none' }),
    ])
    meter.createCounter('requests').add(1, { route: '/', user: 7 })
    meter.createCounter('jobs').add(1, { user: 7 })
    await reader.flush()
    expect(absorbed(adapter)).toEqual([
      { name: 'requests', attributes: { region: 'eu', route: '/' }, value: 1 },
      { name: 'jobs', attributes: { region: 'eu', route: 'none', user: 7 }, value: 1 },
    ])
  })

  test('of the overflow series are left alone', async () => {
    const { adapter, reader, meter } = pipeline([keepAttributes([]), addAttributes({ region: 'eu' })], {
      cardinalityLimits: { default: 1 },
    })
    const counter = meter.createCounter('requests')
    for (let n = 0; n < 3; n++) counter.add(1, { n })
    await reader.flush()
    expect(absorbed(adapter)).toEqual([
      { name: 'requests', attributes: { region: 'eu' }, value: 1 },
      { name: 'requests', attributes: { 'otel.metric.overflow': true }, value: 2 },
    ])
  })
})

describe('a processor of one’s own', () => {
  // docs/processors.md shows this one.
  const hideUsers: MetricProcessor = {
    name: 'hideUsers',
    processMetric: (metric) => (metric.name.startsWith('internal.') ? undefined : metric),
    processAttributes: ({ user, ...attributes }) => ({ ...attributes, known: user !== undefined }),
  }

  test('takes a few lines', async () => {
    const { adapter, reader, meter } = pipeline([hideUsers])
    meter.createCounter('internal.ticks').add(1)
    const counter = meter.createCounter('requests')
    counter.add(1, { user: 'a' })
    counter.add(2, { user: 'b' })
    counter.add(4)
    await reader.flush()
    expect(absorbed(adapter)).toEqual([
      { name: 'requests', attributes: { known: true }, value: 3 },
      { name: 'requests', attributes: { known: false }, value: 4 },
    ])
  })

  test('is asked once per metric and once per attribute set for as long as they are in use', async () => {
    const asked: unknown[] = []
    const spy: MetricProcessor = {
      name: 'spy',
      processMetric: (metric) => {
        asked.push(metric)
        return metric
      },
      processAttributes: (attributes) => {
        asked.push(attributes)
        return attributes
      },
    }
    const { reader, meter } = pipeline([spy])
    const counter = meter.createCounter('requests', { unit: '1', description: 'Requests' })
    for (let turn = 0; turn < 5; turn++) {
      counter.add(1, { route: '/' })
      await reader.flush()
    }
    expect(asked).toEqual([
      {
        scope: { name: 'shop', version: '' },
        name: 'requests',
        description: 'Requests',
        unit: '1',
        kind: InstrumentType.COUNTER,
        valueType: ValueType.DOUBLE,
      },
      { route: '/' },
    ])
  })

  test('may drop single series', async () => {
    const { adapter, reader, meter, stats } = pipeline([
      { name: 'odd', processAttributes: (attributes) => ((attributes.n as number) % 2 === 0 ? undefined : attributes) },
    ])
    for (let n = 0; n < 4; n++) meter.createCounter('requests').add(1, { n })
    await reader.flush()
    expect(adapter.absorbed.map(({ attributes }) => attributes.n)).toEqual([1, 3])
    expect(stats()).toMatchObject({ offeredPoints: 4, filteredPoints: 2 })
  })

  test('that throws is passed over where it does, with one diagnostic, and nothing is lost', async () => {
    const { adapter, reader, meter } = pipeline([
      {
        name: 'broken',
        processMetric: (metric) => {
          if (metric.name === 'odd') throw new Error('no idea')
          return metric
        },
        processAttributes: () => {
          throw new Error('no idea')
        },
      },
      addAttributes({ region: 'eu' }),
    ])
    meter.createCounter('odd').add(1)
    meter.createCounter('requests').add(2, { route: '/' })
    await reader.flush()
    await reader.flush()
    expect(absorbed(adapter)).toEqual([
      { name: 'odd', attributes: { region: 'eu' }, value: 1 },
      { name: 'requests', attributes: { region: 'eu', route: '/' }, value: 2 },
    ])
    expect(log).toEqual(['error sluice: the processor broken threw and is passed over where it does no idea'])
  })

  test('may say null where it means to drop', async () => {
    const { adapter, reader, meter, stats } = pipeline([
      { name: 'null', processAttributes: (attributes) => (attributes.n === 1 ? (null as never) : attributes) },
    ])
    for (let n = 0; n < 3; n++) meter.createCounter('requests').add(1, { n })
    await reader.flush()
    expect(adapter.absorbed.map(({ attributes }) => attributes.n)).toEqual([0, 2])
    expect(stats()).toMatchObject({ offeredPoints: 3, filteredPoints: 1 })
  })

  test('that makes more series of several metrics than the limit overflows, and fills no memory', async () => {
    const { adapter, reader, meter } = pipeline([renameMetrics(() => 'all')], { cardinalityLimits: { default: 5 } })
    const known: number[] = []
    adapter.onAbsorb = (series) => known.push(series.stream.size)
    for (let turn = 0; turn < 50; turn++) {
      for (const name of ['one', 'two']) for (let n = 0; n < 5; n++) meter.createCounter(name).add(1, { turn, n, name })
      await reader.flush()
    }
    expect(adapter.absorbed.reduce((sum, { value }) => sum + (value as number), 0)).toBe(500)
    expect(Math.max(...known)).toBeLessThanOrEqual(10)
  })

  test('is rejected by the constructor when it does nothing', () => {
    expect(() => pipeline([{ name: 'nothing' }])).toThrow(
      /processors\[0\] is not a MetricProcessor, got {"name":"nothing"}/,
    )
  })
})

describe('laws', () => {
  const halve: MetricProcessor = {
    name: 'halve',
    processAttributes: ({ n }) => ({ n: Math.floor((n as number) / 2) }),
  }
  const step = fc.record({ user: fc.nat(3), route: fc.nat(2), value: fc.nat(100), flush: fc.boolean() })

  test('processing what was recorded comes to the same as recording what was processed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const processed = pipeline([dropAttributes(['user'])])
        const plain = pipeline([])
        const record = (target: ReturnType<typeof pipeline>, attributes: Attributes, value: number) => {
          target.meter.createCounter('counter').add(value, attributes)
          target.meter.createHistogram('histogram').record(value, attributes)
        }
        for (const { user, route, value, flush } of steps) {
          record(processed, { user, route }, value)
          record(plain, { route }, value)
          if (flush) await Promise.all([processed.reader.flush(), plain.reader.flush()])
        }
        await Promise.all([processed.reader.flush(), plain.reader.flush()])
        const sorted = (adapter: CollectingAdapter) =>
          absorbed(adapter)
            .map((point) => JSON.stringify(point))
            .sort()
        expect(sorted(processed.adapter)).toEqual(sorted(plain.adapter))
      }),
      { numRuns: 50 },
    )
  })

  test('a cumulative export of processed series is the fold of its deltas, while series come, go and come back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(5), { maxLength: 4 }), { maxLength: 8 }), async (turns) => {
        const { adapter, reader, meter } = pipeline([halve], {}, AggregationTemporality.CUMULATIVE)
        const counter = meter.createCounter('counter')
        const sums = new Map<number, number>()
        for (const turn of turns) {
          for (const n of turn) {
            counter.add(1, { n })
            sums.set(Math.floor(n / 2), (sums.get(Math.floor(n / 2)) ?? 0) + 1)
          }
          await reader.flush()
        }
        await reader.flush()
        const shown = await adapter.cumulative('counter')
        expect(new Map(shown.map((point) => [(point.attributes as { n: number }).n, point.value]))).toEqual(sums)
        expect(shown).toHaveLength(sums.size)
      }),
      { numRuns: 100 },
    )
  })

  test('derived delta series that come and go stay one series each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.subarray([0, 1, 2, 3]), { maxLength: 12 }), async (turns) => {
        const { adapter, reader, meter } = pipeline([halve])
        const counter = meter.createCounter('counter')
        for (const recorded of turns) {
          for (const n of recorded) counter.add(1, { n })
          const before = adapter.absorbed.length
          await reader.flush()
          const expected = [0, 1]
            .map((half) => recorded.filter((n) => Math.floor(n / 2) === half).length)
            .filter((count) => count > 0)
          expect(adapter.absorbed.slice(before).map((point) => point.value)).toEqual(expected)
        }
      }),
      { numRuns: 100 },
    )
  })
})
