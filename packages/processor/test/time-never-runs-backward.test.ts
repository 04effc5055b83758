import { expect, test } from 'vitest'
import { Clock } from '../src/core/clock.ts'

function fakeTime(wall: number) {
  const time = { wall, monotonic: 5 }
  const clock = new Clock({ wallMillis: () => time.wall, monotonicMillis: () => time.monotonic })
  return { time, clock }
}

test('time is the wall clock in µs', () => {
  const { clock } = fakeTime(1_700_000_000_000)
  expect(clock.tick()).toBe(1_700_000_000_000_000)
})

test('two looks at one instant differ by 1 µs, so that a window is never empty', () => {
  const { clock } = fakeTime(1000)
  expect(clock.tick()).toBe(1_000_000)
  expect(clock.tick()).toBe(1_000_001)
})

test('it goes on from where it was when the wall clock is set back', () => {
  const { time, clock } = fakeTime(10_000)
  clock.tick()
  time.wall = 2_000
  time.monotonic += 30
  expect(clock.tick()).toBe(10_030_000)
})

test('it catches up when the wall clock went on while the monotonic clock stood still, as in a suspend', () => {
  const { time, clock } = fakeTime(10_000)
  clock.tick()
  time.wall += 3_600_000
  expect(clock.tick()).toBe(3_610_000_000)
  time.monotonic += 1
  expect(clock.tick()).toBe(3_610_001_000)
})
