import { expect, test } from 'vitest'
import { SharedRuns } from '../src/core/shared-runs.ts'

/** Runs that are finished by hand. */
function manualRuns() {
  const finishers: (() => void)[] = []
  let started = 0
  const runs = new SharedRuns(() => {
    const number = ++started
    return new Promise<number>((resolve) => finishers.push(() => resolve(number)))
  })
  return { runs, finish: () => finishers.shift()!(), started: () => started }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

test('calls made before a run has begun share it', async () => {
  const { runs, finish } = manualRuns()
  const answers = [runs.request(), runs.request()]
  await settled()
  finish()
  expect(await Promise.all(answers)).toEqual([1, 1])
})

test('calls made during a run share the next one', async () => {
  const { runs, finish, started } = manualRuns()
  const first = runs.request()
  await settled()
  const later = [runs.request(), runs.request()]
  finish()
  expect(await first).toBe(1)
  await settled()
  expect(started()).toBe(2)
  finish()
  expect(await Promise.all(later)).toEqual([2, 2])
})

test('work between runs waits for the run under way and holds up the next', async () => {
  const { runs, finish } = manualRuns()
  const order: string[] = []
  const first = runs.request().then(() => order.push('run'))
  await settled()
  const between = runs.between(async () => {
    await settled()
    order.push('between')
  })
  const second = runs.request().then(() => order.push('run'))
  finish()
  await first
  await between
  await settled()
  finish()
  await second
  expect(order).toEqual(['run', 'between', 'run'])
})

test('a run that fails is told to those who waited for it and to nobody else', async () => {
  let fail = true
  const runs = new SharedRuns(async () => {
    if (fail) throw new Error('no')
    return 'yes'
  })
  await expect(runs.request()).rejects.toThrow('no')
  fail = false
  expect(await runs.request()).toBe('yes')
  expect(runs.busy).toBe(false)
})
