import { type Attributes, diag } from '@opentelemetry/api'
import {
  AggregationType,
  createAllowListAttributesProcessor,
  type Histogram,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import { beforeAll, expect, test } from 'vitest'
import type { ExportedPoint } from '../src/exported.ts'
import { bufferBesideSdk, values } from '../src/side-by-side.ts'

/**
 * What the comparison of the buffer with the SDK leaves out, and `buffer-differences.ts` names. What both export is told,
 * so that a change of the SDK shows.
 */
beforeAll(() => {
  diag.disable()
})

/** Attributes and values, as text. */
function shown(points: readonly ExportedPoint[]): string[] {
  return points.map(({ key, value }) => `${/\{[^{}]*\}\]$/.exec(key)![0].slice(0, -1)} ${value}`).sort()
}

test('NaN is dropped, where the SDK adds it and the sum is NaN for ever', async () => {
  const { meters, flush, end } = bufferBesideSdk('cumulative')
  for (const meter of Object.values(meters)) {
    const counter = meter.createCounter('requests')
    counter.add(1)
    counter.add(Number.NaN)
    counter.add(2)
  }
  const { ours, stock } = await flush()
  expect(values(ours)).toEqual([3])
  expect(values(stock)).toEqual([Number.NaN])
  await end()
})

test('an asynchronous series that was not observed is not exported, where the SDK goes on with it', async () => {
  const { meters, flush, end } = bufferBesideSdk('cumulative')
  let isThere = true
  for (const meter of Object.values(meters)) {
    meter.createObservableUpDownCounter('connections').addCallback((result) => {
      if (isThere) result.observe(3)
    })
  }
  await flush()
  isThere = false
  const { ours, stock } = await flush()
  expect(values(ours)).toEqual([])
  expect(values(stock)).toEqual([3])
  await end()
})

test('observed sums that a view makes one are added up, where the SDK keeps the last', async () => {
  const attributesProcessors = [createAllowListAttributesProcessor(['host'])]
  const { meters, flush, end } = bufferBesideSdk('cumulative', [{ instrumentName: '*', attributesProcessors }])
  for (const meter of Object.values(meters)) {
    meter.createObservableCounter('reads').addCallback((result) => {
      result.observe(3, { host: 'a', disk: '1' })
      result.observe(5, { host: 'a', disk: '2' })
    })
  }
  const { ours, stock } = await flush()
  expect(values(ours)).toEqual([8])
  expect(values(stock)).toEqual([5])
  await end()
})

test('a histogram over an observable counts each observation, where the SDK subtracts the one before', async () => {
  const aggregation: ViewOptions['aggregation'] = {
    type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
    options: { boundaries: [5] },
  }
  const { meters, flush, end } = bufferBesideSdk('delta', [{ instrumentName: '*', aggregation }])
  let level = 3
  for (const meter of Object.values(meters)) {
    meter.createObservableGauge('load').addCallback((result) => result.observe(level))
  }
  await flush()
  level = 7
  const { ours, stock } = await flush()
  expect((ours[0]!.value as Histogram).buckets.counts).toEqual([0, 1])
  expect((stock[0]!.value as Histogram).buckets.counts).toEqual([-1, 1])
  await end()
})

const SETS: readonly Attributes[] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
const TWO: ViewOptions[] = [{ instrumentName: '*', aggregationCardinalityLimit: 2 }]

/** OTel specification, metrics SDK, "Overflow attribute": up to the limit, overflow must not happen. */
test('a view with a limit of two has room for two attribute sets, where the SDK’s has room for one', async () => {
  const { meters, flush, end } = bufferBesideSdk('delta', TWO)
  for (const meter of Object.values(meters)) {
    const counter = meter.createCounter('requests')
    for (const attributes of SETS) counter.add(1, attributes)
  }
  const { ours, stock } = await flush()
  expect(shown(ours)).toEqual(['{"id":"a"} 1', '{"id":"b"} 1', '{"otel.metric.overflow":true} 1'])
  expect(shown(stock)).toEqual(['{"id":"a"} 1', '{"otel.metric.overflow":true} 2'])
  await end()
})

test('the limit of what is cumulative holds over its lifetime, where the SDK counts anew at each collection', async () => {
  const { meters, flush, end } = bufferBesideSdk('cumulative', TWO)
  const counters = Object.values(meters).map((meter) => meter.createCounter('requests'))
  for (const attributes of SETS.slice(0, 2)) {
    for (const counter of counters) counter.add(1, attributes)
    await flush()
  }
  for (const counter of counters) counter.add(1, SETS[2])
  const { ours, stock } = await flush()
  expect(shown(ours)).toEqual(['{"id":"a"} 1', '{"id":"b"} 1', '{"otel.metric.overflow":true} 1'])
  expect(shown(stock)).toEqual(['{"id":"a"} 1', '{"id":"b"} 1', '{"id":"c"} 1'])
  await end()
})

test('after a turn without an export others may have the room, and what had it before overflows without a loss', async () => {
  const { meters, turn, flush, end } = bufferBesideSdk('delta', TWO)
  const counters = Object.values(meters).map((meter) => meter.createCounter('requests'))
  const add = (ids: string) => {
    for (const id of ids) for (const counter of counters) counter.add(1, { id })
  }
  add('a')
  await turn()
  add('bca')
  const { ours, stock } = await flush()
  expect(shown(ours)).toEqual(['{"id":"a"} 1', '{"id":"b"} 1', '{"otel.metric.overflow":true} 2'])
  expect(shown(stock)).toEqual(['{"id":"a"} 2', '{"otel.metric.overflow":true} 2'])
  await end()
})

test('what is observed beyond the limit is added up, where the SDK’s overflow is what was observed last', async () => {
  const { meters, flush, end } = bufferBesideSdk('cumulative', TWO)
  for (const meter of Object.values(meters)) {
    meter.createObservableCounter('reads').addCallback((result) => {
      for (const [i, attributes] of [...SETS, { id: 'd' }].entries()) result.observe(10 ** (3 - i), attributes)
    })
  }
  for (let turn = 0; turn < 2; turn++) {
    const { ours, stock } = await flush()
    expect(shown(ours)).toEqual(['{"id":"a"} 1000', '{"id":"b"} 100', '{"otel.metric.overflow":true} 11'])
    expect(shown(stock)).toEqual(['{"id":"a"} 1000', '{"otel.metric.overflow":true} 1'])
  }
  await end()
})

test('two views that give one stream count once, where the SDK counts twice', async () => {
  const { meters, flush, end } = bufferBesideSdk('delta', [{ instrumentName: '*' }, { instrumentName: 'requests' }])
  for (const meter of Object.values(meters)) meter.createCounter('requests').add(1)
  const { ours, stock } = await flush()
  expect(values(ours)).toEqual([1])
  expect(values(stock)).toEqual([2])
  await end()
})

const DROPPED: ViewOptions = { instrumentName: 'old', name: 'requests', aggregation: { type: AggregationType.DROP } }
const RENAMED: ViewOptions = { instrumentName: 'new', name: 'requests' }

test.each([
  ['first', ['old', 'new'], []],
  ['last', ['new', 'old'], [3]],
])(
  'a view that drops drops its own instrument and no other of its stream, also if it comes %s',
  async (_, names, sdk) => {
    const { meters, flush, end } = bufferBesideSdk('delta', [DROPPED, RENAMED])
    const amounts: Record<string, number> = { old: 1, new: 2 }
    for (const meter of Object.values(meters)) {
      const counters = names.map((name) => ({ name, counter: meter.createCounter(name) }))
      for (const { name, counter } of counters) counter.add(amounts[name]!)
    }
    const { ours, stock } = await flush()
    expect(values(ours)).toEqual([2])
    expect(values(stock)).toEqual(sdk)
    await end()
  },
)
