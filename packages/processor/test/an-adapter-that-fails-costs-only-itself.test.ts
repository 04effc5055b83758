import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type BufferingMetricReaderOptions } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

const TIMEOUT = 500
/** How long one adapter may hold up turns. */
const HOLD_UP_MILLIS = 120_000

/** Two adapters that want everything pushed, of which the first is not as it should be. */
function besideOne(faults: object, options: Partial<BufferingMetricReaderOptions> = {}) {
  const [bad, good] = [new CollectingAdapter('bad'), new CollectingAdapter('good')]
  Object.defineProperties(bad, Object.getOwnPropertyDescriptors(faults))
  const reader = new BufferingMetricReader({
    adapters: [bad, good],
    exportIntervalMillis: 1_000,
    exportTimeoutMillis: TIMEOUT,
    collectTimeoutMillis: TIMEOUT,
    ...options,
  })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  return { reader, counter, bad, good }
}

/** How long it takes to settle, in ms of the fake clock; fails if that is more than the time given. */
async function millisUntilSettled(work: Promise<unknown>, mostMillis: number): Promise<number> {
  const startedMillis = performance.now()
  let endedMillis = Number.NaN
  const end = () => {
    endedMillis = performance.now()
  }
  work.then(end, end)
  await vi.advanceTimersByTimeAsync(mostMillis)
  expect(endedMillis, `it has not settled within ${mostMillis} ms`).not.toBeNaN()
  return endedMillis - startedMillis
}

const FAULTS: readonly (readonly [what: string, act: () => unknown])[] = [
  ['throws', throwing],
  ['rejects', async () => throwing()],
  ['never settles', () => new Promise(() => {})],
  ['gives nothing', () => undefined],
  ['gives a number', () => 5],
  ['gives what is like a promise and throws', () => throwingAt('then')],
  ['gives a revoked proxy', () => revoked({})],
]

const STATS: readonly (readonly [what: string, act: () => unknown])[] = [
  ...FAULTS,
  ['gives an empty object', () => ({})],
  ['gives NaN for a count', () => ({ attempts: Number.NaN, pendingPoints: Number.NaN })],
  ['gives text for a loss', () => ({ lostPoints: { shutdown: 'many' } })],
  ['gives what throws', () => throwingAt('lostPoints')],
]

describe.each([
  ...FAULTS.flatMap(([what, act]) =>
    (['deliver', 'persist', 'shutdown'] as const).map((method) => [method, what, { [method]: act }] as const),
  ),
  ...STATS.map(([what, act]) => ['stats', what, { stats: act }] as const),
  ['exportTimeoutMillis', 'throws', throwingAt('exportTimeoutMillis')] as const,
  ['exportTimeoutMillis', 'is NaN', { exportTimeoutMillis: Number.NaN }] as const,
])('an adapter whose %s %s', (method, what, faults) => {
  test('keeps nobody from turns, deliveries, stats and an end', async () => {
    const { reader, counter, good } = besideOne(faults, { selfObservation: true })
    counter.add(1)
    // What flush() has resolved for is to be safe, so turns wait for persist(); for one that hangs, once.
    const heldUpMillis = method === 'persist' && what === 'never settles' ? HOLD_UP_MILLIS : 0
    await vi.advanceTimersByTimeAsync(heldUpMillis + 2_000)
    expect(good.values('counter')).toEqual([1])
    expect(good.deliveries).toBeGreaterThanOrEqual(2)
    counter.add(2)
    await millisUntilSettled(reader.flush(), TIMEOUT)
    expect(good.values('counter')).toEqual([1, 2])
    expect(reader.stats().adapters.map(({ name, stats }) => [name, Number.isFinite(stats.offeredPoints)])).toEqual([
      ['bad', true],
      ['good', true],
    ])
    counter.add(3)
    expect(await millisUntilSettled(reader.forceFlush({ timeoutMillis: 100 }), 200)).toBeLessThanOrEqual(100)
    await millisUntilSettled(reader.forceFlush(), 10 * TIMEOUT)
    counter.add(4)
    await millisUntilSettled(reader.shutdown(), 20 * TIMEOUT)
    expect(good.values('counter')).toEqual([1, 2, 3, 4])
    expect(good.shutdowns).toBe(1)
  })

  test('ends by the deadline of shutdown()', async () => {
    const { reader, counter, good } = besideOne(faults)
    counter.add(1)
    expect(await millisUntilSettled(reader.shutdown({ timeoutMillis: 200 }), 1_000)).toBeLessThanOrEqual(300)
    expect([good.values('counter'), good.shutdowns]).toEqual([[1], 1])
  })
})

test.each(['deliver', 'persist', 'shutdown', 'stats', 'absorb'])(
  '%s that fails each time is told of once',
  async (method) => {
    const { reader, counter } = besideOne({ [method]: throwing })
    for (let turn = 0; turn < 3; turn++) {
      counter.add(1)
      await vi.advanceTimersByTimeAsync(1_000)
      reader.stats()
    }
    await reader.shutdown().catch(() => {})
    expect(log.filter((line) => line.includes('bad'))).toHaveLength(
      method === 'deliver' || method === 'shutdown' ? 0 : 1,
    )
  },
)

test('absorb that fails, works and fails again is told of again', async () => {
  const { reader, counter, bad } = besideOne({})
  for (const fails of [true, true, false, true]) {
    bad.onAbsorb = fails ? throwing : () => {}
    counter.add(1)
    await reader.flush()
  }
  expect(reader.stats().adapterFaults).toBe(3)
  expect(log).toHaveLength(2)
})

test('stats() that asks the reader for them does not go round in circles', () => {
  const { reader, bad } = besideOne({})
  const stats = bad.stats.bind(bad)
  bad.stats = () => ({ ...stats(), offeredPoints: reader.stats().adapters.length })
  expect(reader.stats().adapters[0]!.stats.offeredPoints).toBe(2)
})

describe('flush()', () => {
  test.each<readonly [what: string, persist: () => unknown, message: RegExp]>([
    ['rejects', async () => throwing(), /flush failed: bad: persist\(\) failed: no$/],
    ['throws', throwing, /flush failed: bad: persist\(\) failed: no$/],
    ['never settles', () => new Promise(() => {}), /flush failed: bad: persist\(\) has not settled within 120000 ms$/],
  ])('does not promise what persist() of an adapter that %s has not done', async (_what, persist, message) => {
    const { reader, good } = besideOne({ persist })
    for (let turn = 0; turn < 2; turn++) {
      const rejected = expect(reader.flush()).rejects.toThrow(message)
      await vi.advanceTimersByTimeAsync(HOLD_UP_MILLIS)
      await rejected
    }
    expect(good.deliveries).toBeGreaterThan(0)
  })

  test('promises again what a persist() that was late does after it', async () => {
    let settle = () => {}
    let calls = 0
    const { reader } = besideOne({
      persist: () =>
        ++calls === 1
          ? new Promise<void>((resolve) => {
              settle = resolve
            })
          : undefined,
    })
    const rejected = expect(reader.flush()).rejects.toThrow(/has not settled/)
    await vi.advanceTimersByTimeAsync(HOLD_UP_MILLIS)
    await rejected
    settle()
    await vi.advanceTimersByTimeAsync(0)
    await reader.flush()
    expect(calls).toBe(2)
  })
})

describe('absorb', () => {
  test('of an adapter that is async and rejects is counted and told of once, and ends nothing', async () => {
    const { reader, counter, good } = besideOne({ absorb: async () => throwing() })
    for (let n = 0; n < 3; n++) counter.add(1, { n })
    await reader.flush()
    await reader.flush()
    expect(good.values('counter')).toEqual([1, 1, 1])
    expect(reader.stats().adapterFaults).toBe(3)
    expect(log).toEqual([expect.stringContaining('sluice: bad: absorb() failed after it had returned')])
  })
})

describe('attach', () => {
  const attachedTo = (faults: object) => {
    const [first, bad, last] = ['first', 'bad', 'last'].map((name) => new CollectingAdapter(name))
    Object.assign(bad!, faults)
    const reader = new BufferingMetricReader({ adapters: [first!, bad!, last!], flushOnExit: true })
    return { reader, first: first!, bad: bad!, last: last!, register: () => new MeterProvider({ readers: [reader] }) }
  }

  test('that throws leaves nothing half attached: no timer, no listener, and the ones before are shut down', async () => {
    const listeners = () => ['SIGTERM', 'exit'].map((event) => process.listenerCount(event))
    const before = listeners()
    const { register, reader, first, bad, last } = attachedTo({ attach: throwing })
    expect(register).toThrow('no')
    await vi.advanceTimersByTimeAsync(0)
    expect([first.shutdowns, bad.shutdowns, last.shutdowns]).toEqual([1, 0, 0])
    expect([vi.getTimerCount(), listeners()]).toEqual([0, before])
    expect(last.reader).toBeUndefined()
    await expect(reader.flush()).rejects.toThrow(/not registered/)
    await reader.shutdown()
    expect([first.shutdowns, bad.shutdowns, last.shutdowns]).toEqual([1, 0, 0])
  })

  test('of an adapter that belongs to another reader leaves that one alone', async () => {
    const { register, bad, reader } = attachedTo({})
    register()
    const other = new BufferingMetricReader({ adapters: [new CollectingAdapter('other'), bad] })
    expect(() => new MeterProvider({ readers: [other] })).toThrow(/bad: attached already/)
    await other.shutdown()
    expect(bad.shutdowns).toBe(0)
    await reader.shutdown()
    expect(bad.shutdowns).toBe(1)
  })

  test('that is async and rejects is told of, and ends nothing', async () => {
    const { register, reader, last } = attachedTo({ attach: async () => throwing() })
    register().getMeter('test').createCounter('counter').add(1)
    await reader.flush()
    expect(last.values('counter')).toEqual([1])
    expect(log).toEqual(['error sluice: bad: attach() failed no'])
    await reader.shutdown()
  })
})

describe('work between turns that never settles', () => {
  test.each(['betweenTurns', 'betweenDrains'] as const)(
    'by way of %s holds up turns for a time-out, once',
    async (way) => {
      const { reader, counter, bad, good } = besideOne({})
      void bad.reader![way](() => new Promise(() => {}))
      counter.add(1)
      await millisUntilSettled(reader.flush(), HOLD_UP_MILLIS)
      counter.add(2)
      await millisUntilSettled(reader.flush(), 0)
      expect(good.values('counter')).toEqual([1, 2])
      expect(log).toEqual([expect.stringContaining(`bad has held up turns for ${HOLD_UP_MILLIS} ms`)])
    },
  )

  test('as it waits for a turn has its answer once turns go on', async () => {
    const { reader, bad } = besideOne({})
    const answer = bad.reader!.betweenTurns(async () => {
      await bad.reader!.turn()
      return 'done'
    })
    await millisUntilSettled(reader.flush(), HOLD_UP_MILLIS)
    expect(await answer).toBe('done')
  })
})

describe('the constructor names what it was given for an adapter', () => {
  const withAdapter = (adapter: object) => () => new BufferingMetricReader({ adapters: [adapter as never] })
  const adapterWith = (faults: object) =>
    Object.defineProperties(new CollectingAdapter('mine'), Object.getOwnPropertyDescriptors(faults))

  test.each([
    [
      'a selector of temporalities that throws',
      { selectAggregationTemporality: throwing },
      /adapters\[0\] \(mine\): selectAggregationTemporality\(COUNTER\) threw: no/,
    ],
    [
      'one that gives nothing',
      { selectAggregationTemporality: () => undefined },
      /selectAggregationTemporality\(COUNTER\) must give an AggregationTemporality, got undefined/,
    ],
    [
      'one that gives a word',
      { selectAggregationTemporality: () => 'delta' },
      /must give an AggregationTemporality, got "delta"/,
    ],
    [
      'one that gives a promise',
      { selectAggregationTemporality: async () => AggregationTemporality.DELTA },
      /must give an AggregationTemporality, got {}/,
    ],
    [
      'a selector of aggregations that throws',
      { selectAggregation: throwing },
      /adapters\[0\] \(mine\): selectAggregation\(COUNTER\) threw: no/,
    ],
    [
      'one that gives no aggregation',
      { selectAggregation: () => undefined },
      /selectAggregation\(COUNTER\) must give an aggregation, got undefined/,
    ],
    [
      'one that gives another type',
      { selectAggregation: () => ({ type: 99 }) },
      /must give an aggregation, got {"type":99}/,
    ],
    [
      'one that gives what throws',
      { selectAggregation: () => throwingAt('type') },
      /selectAggregation\(COUNTER\) threw: no/,
    ],
    ['a name that throws', throwingAt('name'), /adapters\[0\]: name threw: no/],
    ['a method that throws', throwingAt('absorb'), /adapters\[0\]: a property threw: no/],
    ['an interval that throws', throwingAt('exportIntervalMillis'), /exportIntervalMillis threw: no/],
    [
      'an interval that is NaN',
      { exportIntervalMillis: Number.NaN },
      /\(mine\): exportIntervalMillis must be greater than 0 .*got NaN/,
    ],
    ['no shutdown()', { shutdown: undefined }, /adapters\[0\] is not an ExporterAdapter/],
  ])('%s', (_what, faults, message) => {
    expect(withAdapter(adapterWith(faults))).toThrow(message)
  })

  test.each([
    ['null', () => null],
    ['undefined', () => undefined],
    ['a number', () => 5],
    ['a symbol', () => Symbol('adapter')],
    ['a revoked proxy', () => revoked({})],
  ])('%s', (_what, make) => {
    expect(withAdapter(make() as never)).toThrow(/adapters\[0\]/)
  })

  test('but not whatever has no class and no name', async () => {
    const { name: _none, ...fields } = { ...new CollectingAdapter() }
    const methods = Object.getOwnPropertyNames(CollectingAdapter.prototype).filter((method) => method !== 'constructor')
    const adapter = Object.assign(Object.create(null), fields)
    for (const method of methods) adapter[method] = CollectingAdapter.prototype[method as 'stats']
    const reader = new BufferingMetricReader({ adapters: [adapter], selfObservation: true })
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter').add(1)
    await reader.flush()
    expect(reader.stats().adapters.map(({ name }) => name)).toEqual(['ExporterAdapter'])
  })
})
