import type { HrTime } from '@opentelemetry/api'
import { DataPointType, MeterProvider, type MetricData } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { OneCell } from './support/one-cell.ts'
import { metric, ScriptedProducer } from './support/scripted-producer.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

const { SUM, HISTOGRAM, EXPONENTIAL_HISTOGRAM } = DataPointType

const at = (seconds: number): HrTime => [1_700_000_000 + seconds, 0]

/** A point of a monotonic sum: its value, and the window in seconds. */
type Window = readonly [start: number, end: number]
const sum = (value: number, [start, end]: Window) => metric(SUM, value, { start: at(start), end: at(end) })

/** A reader and as many producers as give something. */
function pipeline(producers = [new ScriptedProducer()]) {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], metricProducers: producers })
  new MeterProvider({ readers: [reader] })
  return {
    /** One collection; what was added in it, by series. */
    async collection(...metrics: readonly MetricData[]): Promise<unknown[]> {
      const before = adapter.absorbed.length
      producers.forEach((producer, i) => {
        producer.gives(...(producers.length === 1 ? metrics : [metrics[i]!]))
      })
      await reader.flush()
      return adapter.absorbed.slice(before).map(({ value }) => value)
    },
  }
}

/** What each of these adds, one collection after the other. */
async function added(metrics: readonly MetricData[]): Promise<unknown[]> {
  const { collection } = pipeline()
  const values: unknown[] = []
  for (const each of metrics) values.push(...(await collection(each)))
  return values
}

describe('a point that is older than the one before', () => {
  test('adds nothing, nor does the next one count again what was before it', async () => {
    expect(await added([sum(100, [0, 20]), sum(90, [0, 10]), sum(110, [0, 30])])).toEqual([100, 10])
  })

  test('is known by the last end that there was', async () => {
    const withoutEnd = sum(110, [0, 25])
    Object.assign(withoutEnd.dataPoints[0]!, { endTime: undefined })
    expect(await added([sum(100, [0, 20]), withoutEnd, sum(90, [0, 10])])).toEqual([100, 10])
  })

  test('is told of once', async () => {
    await added([sum(100, [0, 30]), sum(90, [0, 20]), sum(80, [0, 10])])
    expect(log).toEqual([
      'warn sluice: produced: a metric producer gave a point that is older than the one before; it is ignored',
    ])
  })
})

test('the same point again adds nothing', async () => {
  expect(await added([sum(10, [0, 10]), sum(10, [0, 10]), sum(12, [0, 20])])).toEqual([10, 0, 2])
})

describe('a reset is', () => {
  test.each([
    ['a start after the last end', [11, 20]],
    ['a start at the last end', [10, 20]],
    ['a fall in a newer point', [0, 20]],
  ] as const)('%s: the whole value is new', async (_what, window) => {
    const value = window[0] === 0 ? 9 : 15
    expect(await added([sum(10, [0, 10]), sum(value, window)])).toEqual([10, value])
  })

  test.each([
    ['a start that moved within the last window', [5, 20]],
    ['a start that moved back', [-5, 20]],
    ['a start that equals the end: it is not known', [20, 20]],
    ['a start after the end', [25, 20]],
  ] as const)('not %s', async (_what, window) => {
    expect(await added([sum(10, [0, 10]), sum(15, window)])).toEqual([10, 5])
  })
})

describe('a start that is not known', () => {
  test('counts only what was added', async () => {
    expect(await added([10, 20, 30].map((value, i) => sum(value, [i, i])))).toEqual([10, 10, 10])
  })

  test('is that of the points that follow under it', async () => {
    expect(await added([sum(10, [5, 5]), sum(12, [5, 10]), sum(15, [5, 15])])).toEqual([10, 2, 3])
  })

  test('does not hide a fall', async () => {
    expect(await added([sum(10, [5, 5]), sum(4, [10, 10])])).toEqual([10, 4])
  })
})

test.each([
  ['are missing', undefined],
  ['are no numbers', [Number.NaN, Number.NaN]],
  ['are strings', ['5', '5']],
  ['are null', null],
  ['are infinite', [Number.POSITIVE_INFINITY, 0]],
  ['are 0', [0, 0]],
])('where times %s the values decide', async (_how, time) => {
  const points = [10, 20, 20, 15].map((value) => ({ ...metric(SUM, value) }))
  for (const { dataPoints } of points) Object.assign(dataPoints[0]!, { startTime: time, endTime: time })
  expect(await added(points)).toEqual([10, 10, 0, 15])
})

describe('a sum that is not monotonic', () => {
  const upDown = (value: number, [start, end]: Window) =>
    metric(SUM, value, { start: at(start), end: at(end), isMonotonic: false })

  test('may fall', async () => {
    expect(await added([upDown(10, [0, 10]), upDown(4, [0, 20])])).toEqual([10, -6])
  })

  test('begins anew with a start that is not before the last end', async () => {
    expect(await added([upDown(10, [0, 10]), upDown(4, [10, 20])])).toEqual([10, 4])
  })
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, null])(
  'a sum of %s costs itself and is told of',
  async (nonsense) => {
    expect(await added([sum(10, [0, 10]), sum(nonsense as number, [0, 20]), sum(12, [0, 30])])).toEqual([10, 2])
    expect(log).toEqual([expect.stringMatching(/^(?:warn|error) sluice: .*\bproduced\b.* number/)])
  },
)

describe('a histogram', () => {
  const histogram = (counts: readonly number[], [start, end]: Window, more = {}) =>
    metric(
      HISTOGRAM,
      {
        buckets: { boundaries: [10], counts },
        count: counts.reduce((a, b) => a + b, 0),
        sum: counts.reduce((a, b) => a + b, 0),
        ...more,
      },
      { start: at(start), end: at(end) },
    )

  test('is reset where a bucket falls, though its count does not', async () => {
    const values = await added([histogram([5, 1], [0, 10]), histogram([4, 3], [0, 20])])
    expect(values).toMatchObject([{ count: 6 }, { count: 7, buckets: { counts: [4, 3] } }])
  })

  test('does not say what its least and greatest values were since the point before', async () => {
    const extremes = { min: 1, max: 20 }
    const [first, second] = await added([histogram([1, 1], [0, 10], extremes), histogram([2, 2], [0, 20], extremes)])
    expect(first).toMatchObject(extremes)
    expect(second).toEqual({ buckets: { boundaries: [10], counts: [1, 1] }, count: 2, sum: 2 })
  })

  test('has no sum for the time in which that cannot be told', async () => {
    const infinite = { sum: Number.POSITIVE_INFINITY }
    const [, second] = await added([histogram([1, 1], [0, 10], infinite), histogram([2, 2], [0, 20], infinite)])
    expect(second).toEqual({ buckets: { boundaries: [10], counts: [1, 1] }, count: 2 })
  })

  test('that has a count and no buckets is differenced by that', async () => {
    const without = (count: number, window: Window) => histogram([], window, { count, sum: count })
    const values = await added([without(2, [0, 10]), without(5, [0, 20])])
    expect(values).toMatchObject([{ count: 2 }, { count: 3, sum: 3 }])
  })

  test('that comes with buckets once, and once without, keeps its count', async () => {
    const values = await added([
      histogram([2, 1], [0, 10]),
      histogram([], [0, 20], { count: 5 }),
      histogram([4, 3], [0, 30]),
      histogram([4, 4], [0, 40]),
    ])
    expect(values).toMatchObject([{ count: 3 }, { count: 2 }, { count: 2 }, { count: 1, buckets: { counts: [0, 1] } }])
  })

  test('may be counted on in the object that was given', async () => {
    const buckets = { boundaries: [10], counts: [1, 0] }
    const { collection } = pipeline()
    const given = (end: number) => histogram(buckets.counts, [0, end], { buckets })
    await collection(given(10))
    buckets.counts[0]! += 1
    await collection(given(20))
    buckets.counts[1]! += 1
    expect(await collection(given(30))).toMatchObject([{ count: 1, buckets: { counts: [0, 1] } }])
  })
})

describe('an exponential histogram', () => {
  const exponential = (values: readonly number[], [start, end]: Window) => {
    const cell = new OneCell({ type: EXPONENTIAL_HISTOGRAM })
    for (const value of values) cell.record(value)
    return metric(EXPONENTIAL_HISTOGRAM, cell.toValue(), { start: at(start), end: at(end) })
  }

  test('may become coarser', async () => {
    const values = await added([exponential([1, 1.1], [0, 10]), exponential([1, 1.1, 1e6], [0, 20])])
    expect(values).toMatchObject([{ count: 2 }, { count: 1 }])
  })

  test('that becomes finer has been reset', async () => {
    const values = await added([exponential([1, 1e6], [0, 10]), exponential([1, 1.1, 1.2], [0, 20])])
    expect(values).toMatchObject([{ count: 2 }, { count: 3 }])
  })
})

test('a series that comes twice in one collection counts once, and is told of', async () => {
  const { collection } = pipeline()
  for (const [value, expected] of [
    [10, 10],
    [12, 2],
  ] as const) {
    const end = value * 10
    const values = await collection(sum(value, [0, end]), sum(value - 5, [0, end]), sum(value, [0, end]))
    expect(values).toEqual([expected])
  }
  expect(log).toEqual([
    'warn sluice: produced: a metric producer gave a series twice in one collection; the second point is ignored',
  ])
})

test('several points of one series in one collection count each, where each is newer', async () => {
  const { collection } = pipeline()
  expect(await collection(sum(10, [0, 10]), sum(12, [0, 20]), sum(3, [20, 30]))).toEqual([15])
})

test('what two producers give of one stream is added up', async () => {
  const { collection } = pipeline([new ScriptedProducer(), new ScriptedProducer()])
  expect(await collection(sum(10, [0, 10]), sum(100, [0, 10]))).toEqual([110])
  expect(await collection(sum(12, [0, 20]), sum(105, [0, 20]))).toEqual([7])
})

test('a producer that goes by a clock that was set back counts on', async () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 })
  const { collection } = pipeline()
  const ofNow = (value: number) => {
    const seconds = Date.now() / 1000 - 1_700_000_000
    return sum(value, [seconds - 1000, seconds])
  }
  const DAY = 86_400_000
  vi.setSystemTime(Date.now() + DAY)
  expect(await collection(ofNow(10))).toEqual([10])
  vi.setSystemTime(Date.now() - DAY)
  const values: unknown[] = []
  for (const value of [12, 15, 19]) {
    vi.advanceTimersByTime(1000)
    values.push(...(await collection(ofNow(value))))
  }
  expect(values.reduce((a, b) => (a as number) + (b as number), 0)).toBe(9)
})
