import { describe, expect, it } from 'vitest'
import { compare, lostOf } from '../src/comparison.ts'
import { totalOf } from '../src/totals.ts'

const ordinary = { messages: 2_000, flushEvery: 50, failureRate: 0.1 }

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('over the messages and failures of seed %i', (seed) => {
  it.each(['messages', 'millis'])('the naive buffer loses and repeats %s', async (kind) => {
    const { naive } = await compare({ ...ordinary, seed })
    expect(lostOf(naive, kind)).toBeGreaterThan(0)
    expect(totalOf(naive.repeated, kind)).toBeGreaterThan(0)
  })

  it('Sluice delivers every counter sum, histogram sum and histogram count exactly, topic by topic', async () => {
    const { sluice } = await compare({ ...ordinary, seed })
    expect(Object.fromEntries(sluice.arrived)).toEqual(Object.fromEntries(sluice.recorded))
    expect(totalOf(sluice.recorded, 'messages')).toBe(ordinary.messages)
    expect(Object.fromEntries(sluice.repeated)).toEqual({})
    expect(sluice.failedCalls).toBeGreaterThan(0)
  })
})

it('the naive buffer loses also when the backend never fails, and Sluice still does not', async () => {
  const { naive, sluice } = await compare({ ...ordinary, seed: 1, failureRate: 0 })
  expect(lostOf(naive, 'messages')).toBeGreaterThan(0)
  expect(totalOf(naive.repeated, 'messages')).toBe(0)
  expect(Object.fromEntries(sluice.arrived)).toEqual(Object.fromEntries(sluice.recorded))
})

it('Sluice delivers everything exactly when most calls fail and flushes outrun the backend', async () => {
  const { sluice } = await compare({ messages: 1_000, seed: 1, flushEvery: 2, failureRate: 0.7 })
  expect(Object.fromEntries(sluice.arrived)).toEqual(Object.fromEntries(sluice.recorded))
  expect(Object.fromEntries(sluice.repeated)).toEqual({})
})

it('one seed gives the naive buffer the same losses every time', async () => {
  const [first, second] = [await compare({ ...ordinary, seed: 3 }), await compare({ ...ordinary, seed: 3 })]
  expect(second.naive).toEqual(first.naive)
})
