import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { differences } from '../src/compare.ts'
import { bufferBesideSdk } from '../src/side-by-side.ts'

/** What a callback finds for each of two series; undefined where it observes none. */
const observations = fc.record({
  a: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  b: fc.integer({ min: 0, max: 20 }),
})

test.each([
  ['createObservableCounter', 'delta'],
  ['createObservableCounter', 'cumulative'],
  ['createObservableUpDownCounter', 'delta'],
  ['createObservableUpDownCounter', 'cumulative'],
] as const)('however %s goes up and down, the buffer’s %s exports are the SDK’s', async (create, temporality) => {
  let falls = 0
  await fc.assert(
    fc.asyncProperty(fc.array(observations, { minLength: 2, maxLength: 12, size: 'max' }), async (levels) => {
      const { meters, flush, end } = bufferBesideSdk(temporality)
      let level = levels[0]!
      for (const meter of Object.values(meters)) {
        meter[create]('restarts').addCallback((result) => {
          if (level.a !== undefined) result.observe(level.a, { series: 'a' })
          result.observe(level.b, { series: 'b' })
        })
      }
      const starts: number[] = []
      for (const next of levels) {
        const hasFallen = next.b < level.b
        level = next
        if (hasFallen) falls++
        const { ours, stock } = await flush()
        // DIFFERENCE: a series that was not observed is not exported.
        const observed = stock.filter(({ key }) => level.a !== undefined || !key.includes('"series":"a"'))
        expect(differences(ours, observed, 0)).toEqual([])
        const b = ours.find(({ key }) => key.includes('"series":"b"'))!
        if (b.temporality === AggregationTemporality.CUMULATIVE) starts.push(b.startMicros)
        const begins = create === 'createObservableCounter' && hasFallen
        if (starts.length > 1)
          expect(starts.at(-1)! > starts.at(-2)!, 'it starts anew exactly when it fell').toBe(begins)
      }
      await end()
    }),
    { numRuns: 50 },
  )
  expect(falls).toBeGreaterThan(20)
})
