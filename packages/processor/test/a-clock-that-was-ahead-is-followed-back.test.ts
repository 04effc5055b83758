import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type BufferingMetricReaderOptions, MetricsBuffer } from '@otel-sluice/processor'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Clock } from '../src/core/clock.ts'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** How far ahead of the wall clock time may be for good, in ms. */
const MOST_AHEAD = MINUTE
const NOW = 1_700_000_000_000

let log: string[]
beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

/** The wall clock is set, and time goes on from there. */
const setClock = (byMillis: number) => vi.setSystemTime(Date.now() + byMillis)
const wallMicros = () => Date.now() * 1000

function pipeline(
  temporality: AggregationTemporality,
  others: readonly CollectingAdapter[] = [],
  options: Partial<BufferingMetricReaderOptions> = {},
) {
  const adapter = new CollectingAdapter()
  adapter.temporality = () => temporality
  const buffer = new MetricsBuffer({ exemplarFilter: 'always_on' })
  const reader = new BufferingMetricReader({ adapters: [adapter, ...others], buffer, ...options })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('sdk')
  const turn = async () => {
    vi.advanceTimersByTime(SECOND)
    const flushed = reader.flush()
    await vi.advanceTimersByTimeAsync(0)
    await flushed
  }
  return {
    adapter,
    reader,
    meter,
    counter: meter.createCounter('counter'),
    buffered: buffer.getMeter('buffered'),
    turn,
  }
}

const { CUMULATIVE, DELTA } = AggregationTemporality

describe('a clock', () => {
  function fakeTime(wall: number) {
    const time = { wall, monotonic: 5 }
    const clock = new Clock({ wallMillis: () => time.wall, monotonicMillis: () => time.monotonic })
    return { time, clock }
  }

  test('that is more than a minute ahead of the wall clock steps back to it once, and goes on from there', () => {
    const { time, clock } = fakeTime(NOW + DAY)
    clock.tick()
    time.monotonic += SECOND
    time.wall = NOW + SECOND
    expect(clock.tick()).toBe((NOW + SECOND) * 1000)
    expect(clock.setBackMicros).toBe(DAY * 1000)
    time.monotonic += 1
    expect(clock.tick()).toBe((NOW + SECOND + 1) * 1000)
    expect(clock.setBackMicros).toBe(0)
  })

  test.each([
    ['an adjustment', -0.5 * SECOND],
    ['a leap second', -SECOND],
    ['nearly a minute', -MOST_AHEAD + 1],
  ])('that is set back by %s goes on from where it was', (_what, byMillis) => {
    const { time, clock } = fakeTime(NOW)
    const before = clock.tick()
    time.wall += byMillis
    expect(clock.tick()).toBe(before + 1)
    expect(clock.setBackMicros).toBe(0)
  })

  test('is not followed back twice for one correction', () => {
    const { time, clock } = fakeTime(NOW)
    clock.tick()
    time.wall -= DAY
    const first = clock.tick()
    time.wall -= 10 * SECOND
    time.monotonic += SECOND
    expect(clock.tick()).toBe(first + SECOND * 1000)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -DAY, 0, 1e300])(
    'whose wall clock says %d goes on by itself, and on with the wall clock when that says a time again',
    (nonsense) => {
      const { time, clock } = fakeTime(NOW)
      clock.tick()
      time.monotonic += SECOND
      time.wall = nonsense
      expect(clock.tick()).toBe((NOW + SECOND) * 1000)
      time.monotonic += SECOND
      time.wall = NOW + HOUR
      expect(clock.tick()).toBe((NOW + HOUR) * 1000)
    },
  )

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -DAY, 0])(
    'that begins while the wall clock says %d begins in 1970, and finds the time later',
    (nonsense) => {
      const { time, clock } = fakeTime(nonsense)
      expect(clock.tick()).toBe(1)
      time.monotonic += SECOND
      expect(clock.tick()).toBe(SECOND * 1000)
      time.wall = NOW
      expect(clock.tick()).toBe(NOW * 1000)
    },
  )

  test('never runs backward within an epoch, and is right to within a minute once the wall clock is', () => {
    const jump = fc.constantFrom(0, 0, -1, 1, -MINUTE, MINUTE, -HOUR, HOUR, -DAY, DAY, Number.NaN)
    const elapsed = fc.constantFrom(0, 0.001, 1, SECOND, MINUTE)
    fc.assert(
      fc.property(fc.array(fc.record({ jump, elapsed, isSuspended: fc.boolean() }), { maxLength: 60 }), (steps) => {
        const { time, clock } = fakeTime(NOW)
        let wall = NOW
        let last = 0
        for (const { jump: by, elapsed: millis, isSuspended } of steps) {
          wall += millis + (Number.isNaN(by) ? 0 : by)
          time.wall = Number.isNaN(by) ? Number.NaN : wall
          if (!isSuspended) time.monotonic += millis
          const now = clock.tick()
          expect(Number.isSafeInteger(now)).toBe(true)
          if (clock.setBackMicros > 0) {
            expect(now).toBe(Math.floor(time.wall * 1000))
            expect(clock.setBackMicros).toBeGreaterThan(MOST_AHEAD * 1000)
          } else expect(now).toBeGreaterThan(last)
          if (!Number.isNaN(time.wall)) {
            expect(now - time.wall * 1000).toBeGreaterThan(-1)
            expect(now - time.wall * 1000).toBeLessThanOrEqual(MOST_AHEAD * 1000 + 1)
          }
          last = now
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('when the wall clock was a day ahead and is corrected', () => {
  test('what is recorded from then on is stamped right, in windows as long as it took', async () => {
    const { adapter, counter, turn } = pipeline(DELTA)
    counter.add(1)
    await turn()
    setClock(DAY)
    counter.add(2)
    await turn()
    setClock(-DAY)
    for (const value of [3, 4]) {
      counter.add(value)
      await turn()
    }
    expect(adapter.values('counter')).toEqual([1, 2, 3, 4])
    const windows = adapter.absorbed.map(({ start, end }) => [start / 1000 - NOW, end / 1000 - NOW])
    expect(windows).toEqual([
      [0, SECOND],
      [SECOND, DAY + 2 * SECOND],
      [2 * SECOND, 3 * SECOND],
      [3 * SECOND, 4 * SECOND],
    ])
  })

  test('sums go on under their start, so that nothing is lost to whoever missed what was before', async () => {
    const { adapter, counter, turn } = pipeline(CUMULATIVE)
    counter.add(1)
    await turn()
    const [before] = await adapter.cumulative('counter')
    setClock(DAY)
    counter.add(2)
    await turn()
    setClock(-DAY)
    counter.add(3)
    await turn()
    expect(await adapter.cumulative('counter')).toEqual([{ ...before, value: 6, end: wallMicros() }])
  })

  test('a sum that began ahead goes on from the start of the new epoch, and keeps that start', async () => {
    setClock(DAY)
    const { adapter, counter, turn } = pipeline(CUMULATIVE)
    counter.add(1)
    await turn()
    setClock(-DAY)
    counter.add(2)
    await turn()
    const [after] = await adapter.cumulative('counter')
    expect(after).toMatchObject({ value: 3, start: wallMicros() - SECOND * 1000, end: wallMicros() })
    await turn()
    expect(await adapter.cumulative('counter')).toEqual([{ ...after, end: wallMicros() }])
  })

  test('what was not observed since is not shown, though it was observed at a later time', async () => {
    setClock(DAY)
    const { adapter, meter, turn } = pipeline(CUMULATIVE)
    let observed = ['a', 'b']
    meter.createObservableGauge('observed').addCallback((result) => {
      for (const series of observed) result.observe(1, { series })
    })
    await turn()
    setClock(-DAY)
    observed = ['b']
    await turn()
    expect((await adapter.cumulative('observed')).map(({ attributes }) => attributes)).toEqual([{ series: 'b' }])
  })

  test('the end of the process still shows what was observed last', async () => {
    setClock(DAY)
    const { adapter, reader, meter, buffered, turn } = pipeline(CUMULATIVE, [], { flushOnExit: true })
    meter.createObservableCounter('observed').addCallback((result) => result.observe(1))
    const counter = buffered.createCounter('counter')
    counter.add(1)
    await turn()
    let windows: [name: string, start: number, end: number][] = []
    Object.assign(adapter, {
      persistAtOnce: () => {
        const captured = adapter.reader!.cumulative.captureAtOnce(() => true)
        windows = captured.map((points) => [
          points.stream.descriptor.name,
          points.startUnixMicrosOf(0),
          points.endUnixMicrosOf(0),
        ])
        return 0
      },
    })
    setClock(-DAY)
    counter.add(1)
    vi.advanceTimersByTime(SECOND)
    process.listeners('exit').at(-1)!(0)
    const window = [wallMicros() - SECOND * 1000, wallMicros()]
    expect(windows.sort()).toEqual([
      ['counter', ...window],
      ['observed', ...window],
    ])
    await reader.shutdown()
  })

  test('a series goes stale as long after the correction as after any recording', async () => {
    setClock(DAY)
    const { adapter, counter, turn } = pipeline(CUMULATIVE, [], { staleAfterMillis: 3 * SECOND })
    counter.add(1)
    await turn()
    setClock(-DAY)
    for (let i = 0; i < 3; i++) await turn()
    expect(await adapter.cumulative('counter')).toHaveLength(1)
    for (let i = 0; i < 3; i++) await turn()
    expect(await adapter.cumulative('counter')).toHaveLength(0)
  })

  test('no exemplar is later than its point', async () => {
    setClock(DAY)
    const { adapter, buffered, turn } = pipeline(CUMULATIVE)
    const histogram = buffered.createHistogram('histogram', { advice: { explicitBucketBoundaries: [10] } })
    histogram.record(1)
    await turn()
    histogram.record(20)
    setClock(-DAY)
    await turn()
    const { cumulative } = adapter.reader!
    const [points] = [...cumulative.streams()]
    expect(cumulative.exemplarsOf(points!.series[0]!)).toMatchObject([{ value: 20, timeUnixMicros: wallMicros() }])
  })

  test('there is one line that says so', async () => {
    const { turn } = pipeline(DELTA)
    await turn()
    setClock(DAY)
    await turn()
    expect(log).toEqual([])
    setClock(-DAY)
    await turn()
    await turn()
    expect(log).toEqual([
      'warn sluice: the wall clock was set back, and the times of data points with it, by 86400.0 s',
    ])
  })
})

test('a clock that is set back and forth all the time resets no sum and has few lines', async () => {
  const { adapter, counter, turn } = pipeline(CUMULATIVE)
  counter.add(1)
  await turn()
  const [{ start } = { start: 0 }] = await adapter.cumulative('counter')
  for (let i = 1; i <= 200; i++) {
    setClock(i % 2 === 1 ? HOUR : -HOUR)
    counter.add(1)
    await turn()
  }
  expect(await adapter.cumulative('counter')).toMatchObject([{ value: 201, start }])
  // The first ten, and the 16th, 32nd and 64th of a hundred.
  expect(log).toHaveLength(13)
  expect(log.at(-1)).toMatch(/ by 3600\.0 s \(for the 64th time\)$/)
})

test('a clock that begins in 1970 and finds the time later costs no count, and is no correction', async () => {
  vi.setSystemTime(1)
  const { adapter, counter, turn } = pipeline(DELTA)
  counter.add(1)
  await turn()
  vi.setSystemTime(NOW)
  counter.add(2)
  await turn()
  counter.add(3)
  await turn()
  expect(adapter.absorbed.map(({ value, end }) => [value, end])).toEqual([
    [1, (1 + SECOND) * 1000],
    [2, (NOW + SECOND) * 1000],
    [3, (NOW + 2 * SECOND) * 1000],
  ])
  expect(log).toEqual([])
})

type Step =
  | { readonly do: 'add'; readonly value: number }
  | { readonly do: 'clock'; readonly byMillis: number }
  | { readonly do: 'turn' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), value: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'turn' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      byMillis: fc.constantFrom(-DAY, -HOUR, -2 * MINUTE, -SECOND, SECOND, HOUR, DAY),
    }),
  },
)

/** What the time should be at each turn, and in which epoch. */
class Oracle {
  nowMillis = NOW
  epoch = 0

  turn(elapsedMillis: number): void {
    this.nowMillis += elapsedMillis
    const isBehind = Date.now() < this.nowMillis - MOST_AHEAD
    if (isBehind) this.epoch++
    if (isBehind || Date.now() > this.nowMillis) this.nowMillis = Date.now()
  }
}

test('whatever the clock does, windows follow each other within an epoch, starts stay, sums are whole, and times come right', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      vi.setSystemTime(NOW)
      const delta = new CollectingAdapter()
      const { adapter: cumulative, counter, turn } = pipeline(CUMULATIVE, [delta])
      const oracle = new Oracle()
      const windows: { start: number; end: number; value: unknown; epoch: number }[] = []
      let added = 0
      let shown: { start: number; epoch: number } | undefined
      const checkedTurn = async () => {
        const before = delta.absorbed.length
        await turn()
        oracle.turn(SECOND)
        const { epoch, nowMillis } = oracle
        for (const window of delta.absorbed.slice(before)) {
          expect(window.end).toBe(nowMillis * 1000)
          windows.push({ ...window, epoch })
        }
        for (const { start, end, value } of await cumulative.cumulative('counter')) {
          expect(value).toBe(added)
          expect(end).toBe(nowMillis * 1000)
          expect(end).toBeGreaterThan(start)
          if (shown?.epoch === epoch) expect(start).toBe(shown.start)
          shown = { start, epoch }
        }
      }
      for (const each of steps) {
        if (each.do === 'turn') await checkedTurn()
        else if (each.do === 'clock') setClock(each.byMillis)
        else {
          counter.add(each.value)
          added += each.value
        }
      }
      await checkedTurn()
      await checkedTurn()

      expect(windows.reduce((sum, { value }) => sum + (value as number), 0)).toBe(added)
      windows.forEach(({ start, end, epoch }, i) => {
        expect(end).toBeGreaterThan(start)
        const before = windows[i - 1]
        if (before?.epoch === epoch) expect(start).toBeGreaterThanOrEqual(before.end)
      })
      const aheadMillis = oracle.nowMillis - Date.now()
      expect(aheadMillis).toBeGreaterThanOrEqual(0)
      expect(aheadMillis).toBeLessThanOrEqual(MOST_AHEAD)
    }),
    { numRuns: 150 },
  )
})
