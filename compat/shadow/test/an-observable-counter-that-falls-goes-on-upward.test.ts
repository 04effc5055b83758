import { expect, test } from 'vitest'
import { sideBySide, values } from '../src/side-by-side.ts'

/** Observes 10, then 4, then 6, once for both readers. */
async function exportsOfAFall(temporality: 'delta' | 'cumulative') {
  const { meter, flush, end } = sideBySide(temporality)
  const levels: number[] = []
  meter.createObservableCounter('restarts').addCallback((result) => {
    const level = levels.pop()
    if (level !== undefined) result.observe(level)
  })
  const ours: unknown[] = []
  const stock: unknown[] = []
  for (const level of [10, 4, 6]) {
    levels.push(level)
    const flushed = await flush()
    ours.push(...values(flushed.ours))
    stock.push(...values(flushed.stock))
  }
  await end()
  return { ours, stock }
}

test('in delta both readers take the level after a fall for what was added since', async () => {
  expect(await exportsOfAFall('delta')).toEqual({ ours: [10, 4, 2], stock: [10, 4, 2] })
})

test('in cumulative ours adds what came after the fall, where the SDK shows the reset', async () => {
  expect(await exportsOfAFall('cumulative')).toEqual({ ours: [10, 14, 16], stock: [10, 4, 6] })
})
