import { diag } from '@opentelemetry/api'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { realPlace, SpoolWorld, type Step } from './support/spool-history.ts'
import { INTERVAL } from './support/spooling-process.ts'

beforeEach(() => {
  vi.useFakeTimers()
  diag.disable()
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const DELTA = 0
const FOUR_SERIES = [0, 1, 2, 3]

const add = (series: number): Step => ({ do: 'record', name: 'counter', value: 1, series })
const flush: Step = { do: 'flush' }
const crash: Step = { do: 'crash', hasArrived: false }
const wait: Step = { do: 'wait', millis: INTERVAL }

/** Runs the steps, and then a process that is well; what has arrived of the first process, by series. */
async function arrivedAfter(...steps: readonly Step[]): Promise<number[]> {
  const world = new SpoolWorld(realPlace())
  for (const step of steps) await world.take(step)
  await world.recover()
  const [first] = world.processes
  return FOUR_SERIES.map((series) => world.backends[DELTA]!.receiver.total('counter', { series }, first!.instance))
}

test('what was sealed while the disk failed is on disk once it is well again', async () => {
  const arrived = await arrivedAfter(
    { do: 'answer', exporter: DELTA, answer: 'failBefore' },
    add(0),
    flush,
    { do: 'disk', fault: 'broken' },
    { do: 'forceFlush' },
    { do: 'disk', fault: 'well' },
    add(1),
    flush,
    crash,
  )
  expect(arrived).toEqual([1, 1, 0, 0])
})

test('what cannot be read just now is kept until it can', async () => {
  const arrived = await arrivedAfter(add(0), flush, crash, { do: 'disk', fault: 'readOnce' }, wait, wait)
  expect(arrived).toEqual([1, 0, 0, 0])
})

test('progress that could not be removed is not taken for that of the next parcel', async () => {
  const arrived = await arrivedAfter(
    // Two batches, of which the first is delivered before the second.
    ...FOUR_SERIES.map(add),
    { do: 'answer', exporter: DELTA, answer: 'flap' },
    { do: 'disk', fault: 'keepsProgress' },
    wait,
    wait,
    wait,
    wait,
    { do: 'answer', exporter: DELTA, answer: 'hang' },
    ...FOUR_SERIES.map(add),
    wait,
    crash,
  )
  expect(arrived).toEqual([2, 2, 2, 2])
})

test('what a failed write has left is not sent by the next process', async () => {
  for (let calls = 0; calls < 60; calls++) {
    const world = new SpoolWorld(realPlace())
    const steps: Step[] = [
      { do: 'record', name: 'upDown', value: 1, series: 0 },
      wait,
      { do: 'disk', fault: 'flaky' },
      add(0),
      { do: 'flushed' },
      add(0),
      { do: 'disk', fault: 'well' },
      { do: 'crashAtCall', calls },
      wait,
    ]
    for (const step of steps) await world.take(step)
    await world.recover()
    const [first] = world.processes
    if (first!.last.some(({ spoolError }) => spoolError !== undefined)) continue
    for (const { receiver } of world.backends) expect(receiver.violations, `dies at call ${calls}`).toEqual([])
  }
})
