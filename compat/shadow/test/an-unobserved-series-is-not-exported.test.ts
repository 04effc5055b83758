import type { Attributes, ObservableResult } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import type { ExportedPoint } from '../src/exported.ts'
import { sideBySide } from '../src/side-by-side.ts'

function seriesAndValues(points: readonly ExportedPoint[]): string[] {
  return points.map(({ key, value }) => `${/"series":"(.)"/.exec(key)?.[1]} ${value}`).sort()
}

/** Observes what is put in once, in the next flush. */
class Observations {
  next: [number, Attributes][] = []

  readonly callback = (result: ObservableResult): void => {
    for (const [value, attributes] of this.next.splice(0)) result.observe(value, attributes)
  }
}

test.each(['createObservableCounter', 'createObservableUpDownCounter', 'createObservableGauge'] as const)(
  'a series that is no longer observed ends in our cumulative exports and goes on in the SDK’s (%s)',
  async (create) => {
    const { meter, flush, end } = sideBySide('cumulative')
    const observations = new Observations()
    meter[create]('connections').addCallback(observations.callback)

    observations.next = [
      [1, { series: 'a' }],
      [2, { series: 'b' }],
    ]
    const both = await flush()
    expect(seriesAndValues(both.ours)).toEqual(['a 1', 'b 2'])
    expect(seriesAndValues(both.stock)).toEqual(['a 1', 'b 2'])

    observations.next = [[5, { series: 'a' }]]
    const one = await flush()
    expect(seriesAndValues(one.ours)).toEqual(['a 5'])
    expect(seriesAndValues(one.stock)).toEqual(['a 5', 'b 2'])

    // What it came to is remembered, and so is its start.
    observations.next = [[7, { series: 'b' }]]
    const back = await flush()
    expect(seriesAndValues(back.ours)).toEqual(['b 7'])
    expect(seriesAndValues(back.stock)).toEqual(['a 5', 'b 7'])
    expect(back.ours[0]!.startMicros).toBe(both.ours[0]!.startMicros)
    await end()
  },
)

test('with two readers the SDK hands one what was observed for the other, so a series ends one export later', async () => {
  const { meter, flush, end } = sideBySide('cumulative')
  let isThere = true
  meter.createObservableGauge('connections').addCallback((result) => {
    if (isThere) result.observe(1, { series: 'a' })
  })
  await flush()
  isThere = false
  // Ours collected first; what the callback then observed for the SDK's reader came to ours in the next collection.
  expect(seriesAndValues((await flush()).ours)).toEqual(['a 1'])
  expect(seriesAndValues((await flush()).ours)).toEqual([])
  await end()
})
