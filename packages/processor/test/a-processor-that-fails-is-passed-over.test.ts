import type { Attributes } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { addAttributes, BufferingMetricReader, type MetricProcessor } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

/** What two turns of two metrics come to, where one processor does this and another adds an attribute. */
async function processedBy(processor: Omit<MetricProcessor, 'name'>) {
  const adapter = new CollectingAdapter()
  const processors = [Object.assign(processor, { name: 'broken' }), addAttributes({ region: 'eu' })]
  const reader = new BufferingMetricReader({ adapters: [adapter], processors })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('shop')
  for (let turn = 0; turn < 2; turn++) {
    meter.createCounter('orders').add(1, { n: 1 })
    reader.buffer.getMeter('shop').createCounter('visits').add(2, { n: 2 })
    await reader.flush()
  }
  return adapter.absorbed.map(({ name, attributes, value }) => [name, attributes, value])
}

const UNCHANGED = [
  ['visits', { region: 'eu', n: 2 }, 2],
  ['orders', { region: 'eu', n: 1 }, 1],
]

const NOTHING_ELSE: readonly (readonly [what: string, give: (given: object) => unknown])[] = [
  ['text', () => 'text'],
  ['a number', () => 5],
  ['false', () => false],
  ['a function', () => () => {}],
  ['a revoked proxy', () => revoked({})],
  ['an async function', async (given) => given],
  ['an async function that rejects', async () => throwing()],
  ['what is like a promise and throws', () => throwingAt('then')],
]

test.each<readonly [what: string, give: (given: object) => unknown]>([
  ...NOTHING_ELSE,
  ['an array', () => [1]],
  ['attributes that throw', (given) => throwingAt('a', given)],
])('attributes that are %s leave those of before, which is said once', async (_what, give) => {
  expect(await processedBy({ processAttributes: (given) => give(given) as Attributes })).toEqual([
    ...UNCHANGED,
    ...UNCHANGED,
  ])
  expect(log).toEqual([
    expect.stringMatching(/^error sluice: the processor broken .* and is passed over where it does/),
  ])
})

test('attributes that throw when they are kept cost nothing but themselves', async () => {
  class ThrowsAsJson {
    toJSON = throwing
  }
  const processed = await processedBy({ processAttributes: () => ({ a: new ThrowsAsJson() }) as never })
  expect(processed.map(([name, , value]) => [name, value])).toEqual([
    ['visits', 2],
    ['orders', 1],
    ['visits', 2],
    ['orders', 1],
  ])
})

test.each<readonly [what: string, give: (given: object) => unknown]>([
  ...NOTHING_ELSE,
  ['an object whose name is a number', (given) => ({ ...given, name: 5 })],
  ['an object whose name is undefined', (given) => ({ ...given, name: undefined })],
  ['an object whose unit is null', (given) => ({ ...given, unit: null })],
  ['an object whose name throws', (given) => throwingAt('name', given)],
])('a metric that is %s leaves that of before, which is said once', async (_what, give) => {
  expect(await processedBy({ processMetric: (given) => give(given) as typeof given })).toEqual([
    ...UNCHANGED,
    ...UNCHANGED,
  ])
  expect(log).toEqual([
    expect.stringMatching(/^error sluice: the processor broken .* and is passed over where it does/),
  ])
})

describe('a processor', () => {
  test('is named by its place where it has no name', async () => {
    const reader = new BufferingMetricReader({
      adapters: [new CollectingAdapter()],
      processors: [throwingAt('name', { name: '', processMetric: throwing })],
    })
    new MeterProvider({ readers: [reader] }).getMeter('shop').createCounter('orders').add(1)
    await reader.flush()
    expect(log).toEqual(['error sluice: the processor processors[0] threw and is passed over where it does no'])
  })

  test('may give as much of a metric as it changes', async () => {
    const names = (await processedBy({ processMetric: () => ({ name: 'all' }) as never })).map(([name]) => name)
    expect(new Set(names)).toEqual(new Set(['all']))
  })
})
