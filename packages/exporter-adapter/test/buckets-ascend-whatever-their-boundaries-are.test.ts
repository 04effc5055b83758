import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { BucketBounds } from '../src/prometheus/bucket-bounds.ts'
import { exposed } from './support/exposed.ts'
import { decodeFamilies } from './support/prometheus-protobuf.ts'
import { parseText } from './support/prometheus-text.ts'
import { OPENMETRICS, PROTOBUF, served } from './support/scraped.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})
afterEach(() => diag.disable())

const INF = Number.POSITIVE_INFINITY

/** The SDK takes any. */
const anyBoundary = fc.constantFrom(-INF, -1, -0, 0, 0.5, 1, 2, INF, Number.NaN)

describe('the bounds of buckets', () => {
  test.each([
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    [
      [1, 1, 2],
      [1, 2],
    ],
    [
      [-0, 0, 1],
      [0, 1],
    ],
    [[0, -0], [0]],
    [[-0], [0]],
    [[1, Number.NaN], [1]],
    [[Number.NaN, 1, Number.NaN, 1], [1]],
    [
      [3, 1, 4],
      [3, 4],
    ],
    [
      [-INF, 1, INF],
      [-INF, 1],
    ],
    [[], []],
  ])('of %j are %j', (boundaries, bounds) => {
    expect(new BucketBounds(boundaries).bounds).toEqual(bounds)
  })

  test('ascend, and all counts are in one of the buckets', () => {
    fc.assert(
      fc.property(fc.array(anyBoundary, { maxLength: 8 }), fc.array(fc.nat(9), { minLength: 9 }), (boundaries, all) => {
        const counts = all.slice(0, boundaries.length + 1)
        const { bounds } = new BucketBounds(boundaries)
        const cells = Float64Array.of(...counts, 42)
        new BucketBounds(boundaries).gather(cells)
        for (let i = 1; i < bounds.length; i++) expect(bounds[i]).toBeGreaterThan(bounds[i - 1]!)
        const gathered = cells.subarray(0, bounds.length + 1)
        expect(gathered.reduce((a, b) => a + b)).toBe(counts.reduce((a, b) => a + b))
        expect(cells[bounds.length + 1], 'the sum').toBe(42)
      }),
    )
  })
})

describe('a histogram of the SDK', () => {
  test('has the values up to each bound in its bucket, in every text format', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyBoundary, { maxLength: 6 }),
        fc.array(fc.constantFrom(0, 0.25, 0.5, 1, 1.5, 2, 3), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (boundaries, values, isOpenMetrics) => {
          const { provider, reader, text } = exposed()
          const ascending = boundaries.toSorted((a, b) => a - b)
          const histogram = provider
            .getMeter('sdk')
            .createHistogram('h', { advice: { explicitBucketBoundaries: ascending } })
          for (const value of values) histogram.record(value)
          const { samples } = parseText(await text({ isOpenMetrics }), isOpenMetrics).get('h')!
          const buckets = samples.filter(({ name }) => name === 'h_bucket')
          expect(buckets.at(-1)).toMatchObject({ labels: { le: '+Inf' }, value: values.length })
          // With NaN among them the SDK does not find the right one itself.
          const isSound = !boundaries.some(Number.isNaN)
          for (const { labels, value } of isSound ? buckets.slice(0, -1) : []) {
            const bound = Number(labels.le!.replace('Inf', 'Infinity'))
            expect(value, labels.le).toBe(values.filter((each) => each <= bound).length)
          }
          await reader.shutdown()
        },
      ),
      { numRuns: 100 },
    )
  })

  test('whose boundaries are awkward is whole in protobuf, too, and said once', async () => {
    const { provider, scrape } = await served()
    const histogram = provider
      .getMeter('sdk')
      .createHistogram('h', { advice: { explicitBucketBoundaries: [-0, 0, 1, 1, 2, Number.NaN] } })
    for (const value of [0, 1, 1.5, 5]) histogram.record(value)
    const family = decodeFamilies((await scrape(PROTOBUF)).body).find(({ name }) => name === 'h')
    expect(family!.metric[0]!.histogram).toMatchObject({
      sample_count: 4,
      sample_sum: 7.5,
      bucket: [
        { cumulative_count: 1, upper_bound: 0 },
        { cumulative_count: 2, upper_bound: 1 },
        { cumulative_count: 3, upper_bound: 2 },
      ],
    })
    for (const accept of [OPENMETRICS, PROTOBUF, undefined]) await scrape(accept)
    expect(log.filter((line) => line.includes('boundaries'))).toEqual([
      expect.stringMatching(/"h" .* has boundaries that do not ascend: it has the buckets of 0, 1, 2 alone$/),
    ])
  })
})
