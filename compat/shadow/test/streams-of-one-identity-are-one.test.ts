import { AggregationType } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { differences } from '../src/compare.ts'
import { sideBySide, values } from '../src/side-by-side.ts'

/**
 * OTel specification, metrics SDK, "Duplicate instrument registration": data of identical instruments is aggregated
 * together.
 */
test('a renamed instrument joins the one that has the name, where the SDK exports the same series twice', async () => {
  const { meter, flush, end } = sideBySide('cumulative', [{ instrumentName: 'old', name: 'requests' }])
  meter.createCounter('old').add(1)
  meter.createCounter('requests').add(2)
  const { ours, stock } = await flush()
  expect(new Set(stock.map(({ key }) => key)).size).toBe(1)
  expect(values(stock).sort()).toEqual([1, 2])
  expect(values(ours)).toEqual([3])
  await end()
})

test('histograms of one identity with other boundaries stay two streams, as in the SDK', async () => {
  const { meter, flush, end } = sideBySide('cumulative', [
    {
      instrumentName: 'old',
      name: 'sizes',
      aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [5] } },
    },
  ])
  meter.createHistogram('old').record(1)
  meter.createHistogram('sizes').record(2)
  for (let turn = 0; turn < 2; turn++) {
    const { ours, stock } = await flush()
    expect(ours).toHaveLength(2)
    expect(differences(ours, stock, 0)).toEqual([])
  }
  await end()
})

test('a description that got longer is exported from the next record on, where the SDK’s cumulative exports have it at once', async () => {
  const { meter, flush, end } = sideBySide('cumulative')
  meter.createCounter('requests', { description: 'short' }).add(1)
  await flush()
  const again = meter.createCounter('requests', { description: 'longer than before' })
  const before = await flush()
  expect(before.ours[0]!.frame).toContain('"short"')
  expect(before.stock[0]!.frame).toContain('"longer than before"')
  again.add(1)
  const after = await flush()
  expect(after.ours[0]!.frame).toBe(after.stock[0]!.frame)
  expect(values(after.ours)).toEqual([2])
  await end()
})

test('values that JSON cannot tell apart are different series, as far as the SDK lets us see them', async () => {
  const { meter, flush, end } = sideBySide('cumulative')
  const counter = meter.createCounter('requests')
  counter.add(1, { size: Number.NaN })
  await flush()
  counter.add(2, { size: Number.POSITIVE_INFINITY })
  const { ours, stock } = await flush()
  expect(values(stock)).toEqual([3])
  expect(values(ours)).toEqual([1, 2])
  await end()
})
