import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  vi.useFakeTimers()
  log = diagLog()
})
afterEach(() => vi.useRealTimers())

/** A gauge that works, beside a counter whose callback does what it is told. */
function besideOne(callback: (observe: (value: number) => void) => unknown) {
  const pipeline = bufferedPipeline({}, { collectTimeoutMillis: 1_000 })
  pipeline.meter
    .createObservableCounter('counter')
    .addCallback((result) => callback((value) => result.observe(value)) as never)
  pipeline.meter.createObservableGauge('gauge').addCallback((result) => result.observe(1))
  const turnAfter = async (millis: number) => {
    const turn = pipeline.turn()
    await vi.advanceTimersByTimeAsync(millis)
    return (await turn).map(({ name, value }) => [name, value])
  }
  return { ...pipeline, turnAfter }
}

test.each([
  [
    'throws',
    () => {
      throw new Error('broken')
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('broken')
    },
  ],
])('one that %s is reported and counted, and the others are exported', async (_what, fail) => {
  const { turnAfter, reader } = besideOne((observe) => {
    observe(5)
    return fail()
  })
  expect(await turnAfter(0)).toEqual([['gauge', 1]])
  expect(await turnAfter(0)).toEqual([['gauge', 1]])
  expect(reader.stats().collectErrors).toBe(2)
  expect(log[0]).toMatch(/error\(s\) while collecting from the callback of counter.* broken/)
})

test('one that hangs holds a turn up to the deadline, and not the others', async () => {
  const { turnAfter, reader } = besideOne(() => new Promise(() => {}))
  expect(await turnAfter(1_000)).toEqual([['gauge', 1]])
  expect(reader.stats()).toMatchObject({ lateCollections: 1, collectErrors: 0 })
  expect(log[0]).toMatch(
    /the callback of counter did not collect within 1000 ms; its result will count in a later turn/,
  )
  // It is the late callback that is waited for, not a new run.
  expect(await turnAfter(1_000)).toEqual([['gauge', 1]])
  expect(reader.stats().lateCollections).toBe(2)
})

test('one that hangs is not run again while it does, and what it observes late counts once', async () => {
  let running = 0
  let mostRunning = 0
  let runs = 0
  let delayMillis = 2_500
  const { turnAfter } = besideOne(async (observe) => {
    runs++
    mostRunning = Math.max(mostRunning, ++running)
    await new Promise((resolve) => setTimeout(resolve, delayMillis))
    observe(runs * 10)
    running--
  })
  expect(await turnAfter(1_000)).toEqual([['gauge', 1]])
  expect(await turnAfter(1_000)).toEqual([['gauge', 1]])
  expect(runs).toBe(1)
  delayMillis = 0
  // The first run ends 500 ms from now; a second one follows in the same turn: 10, then 20, of one sum.
  expect(await turnAfter(1_000)).toEqual(
    expect.arrayContaining([
      ['counter', 20],
      ['gauge', 1],
    ]),
  )
  expect(await turnAfter(1_000)).toEqual(
    expect.arrayContaining([
      ['counter', 10],
      ['gauge', 1],
    ]),
  )
  expect([runs, mostRunning]).toEqual([3, 1])
})

test('what comes late counts though nothing is run again: in the turn after', async () => {
  const pipeline = bufferedPipeline({}, { collectTimeoutMillis: 1_000 })
  const counter = pipeline.meter.createObservableCounter('counter')
  let finish = () => {}
  const late = async (result: { observe(value: number): void }) => {
    await new Promise<void>((resolve) => {
      finish = resolve
    })
    result.observe(7)
  }
  counter.addCallback(late)
  const first = pipeline.points()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await first).toEqual([])
  counter.removeCallback(late)
  finish()
  await vi.advanceTimersByTimeAsync(0)
  expect(await pipeline.points()).toEqual([[{}, 7]])
  expect(pipeline.reader.stats()).toMatchObject({ lateCollections: 1, collectErrors: 0 })
})

test('what is observed after the callback has come to its end does not count', async () => {
  let observeLater = (_value: number) => {}
  const { turnAfter } = besideOne((observe) => {
    observeLater = observe
    observe(1)
  })
  expect(await turnAfter(0)).toEqual(expect.arrayContaining([['counter', 1]]))
  observeLater(100)
  expect(await turnAfter(0)).toEqual(expect.arrayContaining([['counter', 0]]))
})

test('each one of a batch is reported under the names of its instruments', async () => {
  const { meter, turn } = bufferedPipeline()
  const observables = [meter.createObservableGauge('one'), meter.createObservableGauge('other')]
  meter.addBatchObservableCallback(() => Promise.reject(new Error('broken')), observables)
  await turn()
  expect(log[0]).toContain('the callback of one, other')
})
