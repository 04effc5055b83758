import { ValueType } from '@opentelemetry/api'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

test('of one meter, name, kind, unit and value type it is the same object, without a word', () => {
  const { buffer } = bufferedPipeline()
  const make = () =>
    buffer.getMeter('shop', '1', { schemaUrl: 'u' }).createCounter('orders', { unit: '1', description: 'd' })
  expect(make()).toBe(make())
  expect(log).toEqual([])
})

test.each([
  'createCounter',
  'createUpDownCounter',
  'createGauge',
  'createHistogram',
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createObservableGauge',
] as const)('%s made twice is one', (create) => {
  const { meter } = bufferedPipeline()
  expect(meter[create]('instrument')).toBe(meter[create]('instrument', {}))
})

test.each([
  ['name', ['other', '1', { schemaUrl: 'u' }]],
  ['version', ['shop', '2', { schemaUrl: 'u' }]],
  ['schema URL', ['shop', '1', { schemaUrl: 'other' }]],
] as const)('of meters that differ in their %s there are two streams', async (_what, [name, version, options]) => {
  const { buffer, turn } = bufferedPipeline()
  buffer.getMeter('shop', '1', { schemaUrl: 'u' }).createCounter('orders').add(1)
  buffer.getMeter(name, version, options).createCounter('orders').add(2)
  expect((await turn()).map(({ value }) => value)).toEqual([1, 2])
  expect(log).toEqual([])
})

describe('conflicts are told once, with what to do, and both are exported:', () => {
  test.each([
    ['another kind', 'createUpDownCounter', {}, /kind COUNTER, now UP_DOWN_COUNTER/],
    ['another unit', 'createCounter', { unit: 'kg' }, /unit '1', now 'kg'/],
    ['another value type', 'createCounter', { valueType: ValueType.INT }, /another value type/],
  ] as const)('%s', async (_what, create, options, message) => {
    const { meter, points } = bufferedPipeline()
    meter.createCounter('orders', { unit: '1' }).add(1)
    for (let each = 0; each < 3; each++) meter[create]('orders', { unit: '1', ...options }).add(10)
    expect(await points()).toEqual([
      [{}, 1],
      [{}, 30],
    ])
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/^warn sluice: orders was made before with .*Rename one of them, in the code or by a view$/)
    expect(log[0]).toMatch(message)
  })

  test('another description, which is one stream with the longer of them', async () => {
    const { adapter, meter, points } = bufferedPipeline()
    let described: string | undefined
    adapter.onAbsorb = (series) => {
      described = series.stream.descriptor.description
    }
    for (let each = 0; each < 3; each++) {
      meter.createCounter('orders', { description: 'short' }).add(1)
      meter.createCounter('orders', { description: 'a longer one' }).add(10)
      meter.createCounter('orders', { description: 'short' }).add(100)
    }
    expect(await points()).toEqual([[{}, 333]])
    expect(described).toBe('a longer one')
    expect(log).toEqual([
      'warn sluice: orders was made before with another description; the longer one is used. Make it once, or the same each time',
    ])
  })
})

test.each(['', '1st', 'a b', undefined, 5, null, 'x'.repeat(256)])(
  'an invalid name (%j) is told and used',
  async (name) => {
    const { meter, points } = bufferedPipeline()
    meter.createCounter(name as never).add(1)
    expect(await points()).toEqual([[{}, 1]])
    expect(log).toHaveLength(1)
    expect(log[0]).toContain('is not a valid instrument name')
  },
)

test('a meter without a name is told and used', async () => {
  const { buffer, points } = bufferedPipeline()
  buffer.getMeter('').createCounter('counter').add(1)
  expect(await points()).toEqual([[{}, 1]])
  expect(log).toEqual([expect.stringContaining('getMeter() needs the name of the instrumentation')])
})

test('a stream recorded through the buffer and through the SDK is one', async () => {
  const { meter, sdkMeter, points } = bufferedPipeline()
  meter.createCounter('orders', { unit: '1' }).add(1, { a: 1, b: 2 })
  sdkMeter.createCounter('orders', { unit: '1' }).add(10, { b: 2, a: 1 })
  expect(await points()).toEqual([[{ a: 1, b: 2 }, 11]])
})
