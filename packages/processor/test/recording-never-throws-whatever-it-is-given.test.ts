import { createAllowListAttributesProcessor, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { beforeEach, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const throwsAsText = { toString: throwing, valueOf: throwing, toJSON: throwing, [Symbol.toPrimitive]: throwing }

/** Made anew each time, as some of them are spent by a look. */
const ANYTHING: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => 'text',
  () => 5,
  () => Number.NaN,
  () => Number.NEGATIVE_INFINITY,
  () => true,
  () => 1n,
  () => Symbol('s'),
  () => () => {},
  () => throwsAsText,
  () => [1, throwsAsText],
  () => new Map([[{}, {}]]),
  () => Object.create(null),
  () => Object.create(revoked({})),
  () => Object.create(throwingAt('inherited')),
  () => throwingAt('a'),
  () => throwingAt('then'),
  () => ({ a: throwsAsText, b: 1 }),
  () => ({ a: revoked({}), b: 1 }),
  () => ({ a: revoked([]), b: 1 }),
  () => revoked({}),
  () => revoked([]),
  () => revoked(() => {}),
  () => new Proxy({}, { ownKeys: throwing }),
  () => new Proxy({ a: 1 }, { has: throwing, get: throwing }),
  () => new Proxy({ a: 1 }, { getOwnPropertyDescriptor: throwing }),
  () => new Proxy([], { get: throwing }),
]

const processors = (process: (attributes: object) => unknown): ViewOptions => ({
  instrumentName: '*',
  attributesProcessors: [{ process: process as never }],
})

const VIEWS: readonly (readonly [what: string, views: ViewOptions[]])[] = [
  ['no view', []],
  [
    'one that keeps an attribute',
    [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor(['b'])] }],
  ],
  ['one that throws', [processors(throwing)]],
  ['one that is async', [processors(async (attributes) => attributes)]],
  ['one that is async and rejects', [processors(async () => throwing())]],
  ['one that gives what throws', [processors(() => throwingAt('a'))]],
  ['one that gives a revoked proxy', [processors(() => revoked({}))]],
]

test.each(VIEWS)('by every instrument, with %s: each value counts, or is dropped and counted', async (_what, views) => {
  const { meter, reader, points } = bufferedPipeline({ exemplarFilter: 'always_on', views })
  const [counter, upDown, gauge, histogram] = [
    meter.createCounter('counter'),
    meter.createUpDownCounter('upDown'),
    meter.createGauge('gauge'),
    meter.createHistogram('histogram'),
  ]
  const record = (value: unknown, attributes?: unknown, context?: unknown) => {
    const given = [value, attributes, context] as [never, never, never]
    for (const each of [counter, counter.bind(attributes as never).bind({})]) each.add(...given)
    for (const each of [upDown, upDown.bind(attributes as never)]) each.add(...given)
    for (const each of [gauge, gauge.bind(attributes as never)]) each.record(...given)
    for (const each of [histogram, histogram.bind(attributes as never)]) each.record(...given)
  }
  for (const make of ANYTHING) {
    record(make())
    record(1, make())
    record(1, { b: 1 }, make())
    record(make(), make(), make())
  }
  const sums = (await points('counter')).map(([, value]) => value as number)
  // Both ways: every 1, and the 5 where it was the value.
  expect(sums.reduce((a, b) => a + b, 0)).toBe(2 * (2 * ANYTHING.length + 2 * 5))
  // All eight ways, twice: what is no number, and NaN. What must not be negative takes no infinity of that sign either.
  expect(reader.stats().droppedMeasurements).toBe(2 * (8 * (ANYTHING.length - 2) + 4))
  expect(new Set(log).size).toBe(log.length)
})
