import type { HrTime } from '@opentelemetry/api'
import { type DataPoint, DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { PointValue, StreamAggregation } from '../src/aggregation/cells.ts'
import { finishAtOnce, TimeSlice } from '../src/core/time-slice.ts'
import { CumulativeToDelta } from '../src/reader/cumulative-to-delta.ts'
import type { Generation } from '../src/series/generation.ts'
import { Stream } from '../src/series/stream.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const MONOTONIC: StreamAggregation = { type: DataPointType.SUM, isMonotonic: true }
const SECOND = 1
/** Collections are this far apart, in s. */
const INTERVAL = 10 * SECOND
const DAY = 86_400 * SECOND
/** What was given in this many collections is remembered in any case. */
const KEPT_COLLECTIONS = 3

const timeOf = (seconds: number): HrTime => [1_700_000_000 + Math.floor(seconds), Math.round((seconds % 1) * 1e9)]

interface Given {
  readonly series: number
  readonly value: PointValue
  readonly start: number
  readonly end: number
}

function differencing(keptSeries: number, aggregation = MONOTONIC) {
  const deltas = new CumulativeToDelta(keptSeries)
  const slice = new TimeSlice()
  const descriptor = { name: 'produced', description: '', unit: '', valueType: 0 } as Stream['descriptor']
  const stream = new Stream({ name: 'producer' }, descriptor, InstrumentType.COUNTER, aggregation, 2000)
  const hot = { startUnixMicros: 1_700_000_000_000_000 } as Generation
  return {
    deltas,
    /** One collection; what each point added. */
    collection(points: readonly Given[], epoch = 0): (PointValue | undefined)[] {
      finishAtOnce(deltas.begin({ epoch, hot }, slice))
      return points.map(({ series, value, start, end }) =>
        deltas.next(stream, {
          attributes: { series },
          value,
          startTime: timeOf(start),
          endTime: timeOf(end),
        } as DataPoint<PointValue>),
      )
    },
  }
}

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

test('series that come and go do not fill the memory', () => {
  const { deltas, collection } = differencing(100)
  for (let n = 0; n < 100; n++) {
    const end = (n + 1) * INTERVAL
    collection(range(50, n * 50).map((series) => ({ series, value: 1, start: 0, end })))
    expect(deltas.size).toBeLessThanOrEqual(50 * KEPT_COLLECTIONS + 50)
  }
})

test('a great number that is given no more is forgotten after a few collections', () => {
  const { deltas, collection } = differencing(100)
  collection(range(10_000).map((series) => ({ series, value: 1, start: 0, end: INTERVAL })))
  for (let n = 2; n <= 5 + KEPT_COLLECTIONS; n++) collection([{ series: 0, value: n, start: 0, end: n * INTERVAL }])
  expect(deltas.size).toBe(1)
})

test('a great number that is given each time stays', () => {
  const { deltas, collection } = differencing(100)
  for (let n = 1; n <= 10; n++) {
    const given = range(1_000).map((series) => ({ series, value: n, start: 0, end: n * INTERVAL }))
    expect(new Set(collection(given))).toEqual(new Set([1]))
  }
  expect(deltas.size).toBe(1_000)
})

test('a collection that gives nothing forgets nothing', () => {
  const { collection } = differencing(2)
  const given = (n: number) => range(5).map((series) => ({ series, value: 10 * n, start: 0, end: n * INTERVAL }))
  collection(given(1))
  for (let n = 1; n < KEPT_COLLECTIONS; n++) collection([])
  expect(collection(given(9))).toEqual(range(5).map(() => 80))
})

describe('a series that comes back after it was forgotten', () => {
  const LONG = 20

  /**
   * Series 7 was given once and then no more, while many others were, in the epoch given. What was given in the first epoch
   * was ahead of the right time by so much.
   */
  function forgotten({ epoch = 0, aheadBy = 0, last = INTERVAL } = {}) {
    const all = differencing(5)
    all.collection([{ series: 7, value: 1_000, start: 0, end: last + aheadBy }])
    for (let n = 2; n < LONG; n++) {
      all.collection(
        range(10, 100 * n).map((series) => ({
          series,
          value: n,
          start: 0,
          end: n * INTERVAL + (epoch === 0 ? aheadBy : 0),
        })),
        epoch,
      )
    }
    log.length = 0
    return all
  }

  test('goes on from where it is then, with one warning', () => {
    const { collection } = forgotten()
    expect(collection([{ series: 7, value: 1_005, start: 0, end: LONG * INTERVAL }])).toEqual([0])
    expect(collection([{ series: 7, value: 1_007, start: 0, end: (LONG + 1) * INTERVAL }])).toEqual([2])
    expect(log).toEqual([
      'warn sluice: produced: a metric producer gives a series again that it had not given for long; ' +
        'it goes on from there, and what was added meanwhile is not counted',
    ])
  })

  test('counts in full where it has started anew', () => {
    const { collection } = forgotten()
    const start = (LONG - 1.5) * INTERVAL
    expect(collection([{ series: 7, value: 5, start, end: LONG * INTERVAL }])).toEqual([5])
    expect(log).toEqual([])
  })

  test('goes on where it started before others were given last that are forgotten, too', () => {
    const { collection } = forgotten()
    expect(collection([{ series: 7, value: 5, start: 1.5 * INTERVAL, end: LONG * INTERVAL }])).toEqual([0])
  })

  test('is not taken up from a point that may be older than the last one was', () => {
    const { collection } = forgotten()
    expect(collection([{ series: 7, value: 900, start: 0, end: INTERVAL / 2 }])).toEqual([undefined])
    expect(collection([{ series: 7, value: 1_005, start: 0, end: LONG * INTERVAL }])).toEqual([0])
  })

  test('goes on where its start is not known', () => {
    const { collection } = forgotten()
    const end = LONG * INTERVAL
    expect(collection([{ series: 7, value: 1_005, start: end, end }])).toEqual([0])
  })

  test('goes on where its last end was not known', () => {
    const { collection } = forgotten({ last: Number.NaN })
    expect(collection([{ series: 7, value: 1_005, start: -INTERVAL, end: LONG * INTERVAL }])).toEqual([0])
  })

  test('goes on where it was forgotten after a correction of the clock, which makes its last end say nothing', () => {
    const { collection } = forgotten({ epoch: 1, aheadBy: DAY })
    expect(collection([{ series: 7, value: 1_005, start: -INTERVAL, end: LONG * INTERVAL }], 1)).toEqual([0])
  })

  test('counts in full where it started after a correction of the clock, though it was forgotten at a later time', () => {
    const { collection } = forgotten({ aheadBy: DAY })
    expect(collection([{ series: 7, value: 5, start: INTERVAL, end: 2 * INTERVAL }], 1)).toEqual([5])
  })

  test('is not taken for one that was never there: that counts in full, whatever its start', () => {
    const { collection } = forgotten()
    expect(collection([{ series: 8, value: 5, start: 0, end: LONG * INTERVAL }])).toEqual([5])
  })

  test('is told from a series of another stream with the same attributes', () => {
    const { deltas } = forgotten()
    const descriptor = { name: 'other', description: '', unit: '', valueType: 0 } as Stream['descriptor']
    const other = new Stream({ name: 'producer' }, descriptor, InstrumentType.COUNTER, MONOTONIC, 2000)
    const [startTime, endTime] = [timeOf(0), timeOf(LONG * INTERVAL)]
    const point = { attributes: { series: 7 }, value: 5, startTime, endTime } as DataPoint<number>
    expect(deltas.next(other, point)).toBe(5)
  })
})

/** What becomes of one series in one collection. */
const change = fc.record({
  by: fc.integer({ min: 0, max: 9 }),
  isReset: fc.boolean().chain((odd) => (odd ? fc.boolean() : fc.constant(false))),
  /** Whether its point says when it started. */
  isStartKnown: fc.boolean(),
  /** Whether it is given now, once or twice, with what was held back before, later, or not; or only what was held back is. */
  fate: fc.constantFrom('now', 'now', 'now', 'twice', 'all', 'later', 'onlyLate', 'lost'),
})
const SERIES = 6
const collections = fc.array(
  fc.record({
    changes: fc.array(change, { minLength: SERIES, maxLength: SERIES }),
    /** Which series are given at all, by bit: often the same for some time. */
    present: fc.constantFrom(2 ** SERIES - 1, 2 ** SERIES - 1, 1, 0b111),
    others: fc.constantFrom(0, 0, 30),
    isReversed: fc.boolean(),
  }),
  { maxLength: 30, size: 'max' },
)

/** A series as it really is. */
class Source {
  value = 0
  start = 0
  incarnation = 0
  late: Snapshot[] = []

  change({ by, isReset }: { by: number; isReset: boolean }, now: number): void {
    if (isReset) {
      this.incarnation++
      this.start = now - INTERVAL / 2
      this.value = 0
    }
    this.value += by
  }
}

interface Snapshot {
  readonly series: number
  readonly value: number
  readonly start: number
  readonly end: number
  readonly incarnation: number
}

/** What the points that were given tell whoever knows which incarnation each is of. */
class Oracle {
  readonly #last = new Map<number, { snapshot: Snapshot; collection: number }>()
  /** Least and most that may be counted. */
  least = 0
  most = 0

  take(snapshot: Snapshot, collection: number, now: number): void {
    const last = this.#last.get(snapshot.series)
    const mayBeForgotten = last !== undefined && collection - last.collection > KEPT_COLLECTIONS
    if (last !== undefined && snapshot.end <= last.snapshot.end) {
      if (!mayBeForgotten) last.collection = collection
      return
    }
    // One that is late may be older than what is forgotten of others: then it does not bring the series back.
    const isBack = !mayBeForgotten || snapshot.end === now
    this.#last.set(snapshot.series, { snapshot, collection: isBack ? collection : last.collection })
    const { value, incarnation, start, end } = snapshot
    const isContinued = incarnation === last?.snapshot.incarnation
    const added = isContinued ? value - last.snapshot.value : value
    this.most += added
    if (mayBeForgotten) return
    // Nothing in it says that it began anew.
    const isHidden = last !== undefined && !isContinued && start === end && value >= last.snapshot.value
    this.least += isHidden ? value - last.snapshot.value : added
  }
}

const histogramOf = (count: number) => ({ buckets: { boundaries: [1], counts: [count, 0] }, count, sum: count })

test.each([
  ['sums', MONOTONIC, (value: number) => value, (value: PointValue) => value as number],
  [
    'histograms',
    { type: DataPointType.HISTOGRAM, boundaries: [1] } satisfies StreamAggregation,
    histogramOf,
    (value: PointValue) => (value as { count: number }).count,
  ],
] as const)(
  '%s count what was added, in whatever order they come, and never more; memory stays bounded',
  (_kind, aggregation, pointOf, amountOf) => {
    const KEPT_SERIES = 10
    fc.assert(
      fc.property(collections, (history) => {
        const { deltas, collection } = differencing(KEPT_SERIES, aggregation)
        const oracle = new Oracle()
        const sources = range(SERIES).map(() => new Source())
        const given: Snapshot[][] = []
        let counted = 0
        let strangers = 1_000
        history.forEach(({ changes, present, others, isReversed }, n) => {
          const now = (n + 1) * INTERVAL
          const points: Snapshot[] = []
          changes.forEach((change, series) => {
            const source = sources[series]!
            source.change(change, now)
            if ((present & (2 ** series)) === 0) return
            const { value, start, incarnation } = source
            const snapshot = { series, value, start: change.isStartKnown ? start : now, end: now, incarnation }
            const { fate } = change
            if (fate === 'all' || fate === 'onlyLate') points.push(...source.late.splice(0))
            if (fate === 'now' || fate === 'twice' || fate === 'all') points.push(snapshot)
            if (fate === 'twice') points.push(snapshot)
            if (fate === 'later') source.late.push(snapshot)
          })
          if (isReversed) points.reverse()
          const strange = range(others, strangers).map((series) => ({
            series,
            value: 1,
            start: 0,
            end: now,
            incarnation: 0,
          }))
          strangers += others
          for (const each of [...points, ...strange]) oracle.take(each, n, now)
          given.push([...points, ...strange])
          const added = collection([...points, ...strange].map((each) => ({ ...each, value: pointOf(each.value) })))
          counted += added.reduce<number>((total, value) => total + (value === undefined ? 0 : amountOf(value)), 0)

          expect(counted).toBeLessThanOrEqual(oracle.most)
          expect(counted).toBeGreaterThanOrEqual(oracle.least)
          const recent = new Set(
            given.slice(-KEPT_COLLECTIONS - 1, -1).flatMap((list) => list.map(({ series }) => series)),
          )
          const before = given.at(-2)?.length ?? 0
          expect(deltas.size).toBeLessThanOrEqual(Math.max(KEPT_SERIES, 2 * before, recent.size) + given.at(-1)!.length)
        })
      }),
      { numRuns: 300 },
    )
  },
)
