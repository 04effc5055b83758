import { type Meter, ValueType } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  type CollectionResult,
  DataPointType,
  type InstrumentType,
  MeterProvider,
  type MetricDescriptor,
} from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type InstrumentationScope } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

/** What is given for a text, and what it becomes. */
const NOT_TEXTS: readonly (readonly [what: string, value: unknown, text: string])[] = [
  ['a number', 5, '5'],
  ['a BigInt', 5n, '5'],
  ['a BigInt of many digits', 2n ** 4000n, '[bigint]'],
  ['a boolean', false, 'false'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['a function', () => 'secret', '[function]'],
  ['an object', { toString: throwing, toJSON: throwing, [Symbol.toPrimitive]: throwing }, '[object]'],
  ['a revoked proxy', revoked({}), '[object]'],
  ['a text that is too long', 'x'.repeat(200_000), 'x'.repeat(1024)],
]

interface Seen {
  readonly scope: InstrumentationScope
  readonly descriptor: MetricDescriptor & { readonly type?: InstrumentType }
}

function seeing() {
  const adapter = new CollectingAdapter()
  const seen: Seen[] = []
  adapter.onAbsorb = ({ stream: { scope, descriptor } }) => seen.push({ scope, descriptor })
  let given: object[] = []
  const producer = {
    collect: async () =>
      ({
        resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics: given },
        errors: [],
      }) as CollectionResult,
  }
  const reader = new BufferingMetricReader({ adapters: [adapter], metricProducers: [producer] })
  const provider = new MeterProvider({ readers: [reader] })
  return {
    buffer: reader.buffer,
    provider,
    /** Through a producer. */
    produces(descriptor: object, scope: unknown = { name: 'test' }) {
      const point = { startTime: [1, 0], endTime: [2, 0], attributes: {}, value: 1 }
      const metric = { descriptor, dataPointType: DataPointType.SUM, aggregationTemporality: 0, dataPoints: [point] }
      given = [{ scope, metrics: [metric] }]
    },
    /** What an adapter sees of the one stream that there is, in either of two turns. */
    async seen() {
      await reader.flush()
      await reader.flush()
      expect(new Set(seen.map(({ descriptor }) => JSON.stringify(descriptor))).size).toBe(1)
      return seen[0]!
    },
  }
}

/** Where an instrument may come from; the SDK throws at some names itself. */
const MAKERS: readonly (readonly [where: string, (pipeline: ReturnType<typeof seeing>) => Meter])[] = [
  ['the SDK', ({ provider }) => provider.getMeter('test')],
  ['the buffer', ({ buffer }) => buffer.getMeter('test')],
]

describe.each(NOT_TEXTS)('%s', (what, value, text) => {
  test.each(MAKERS)(`is ${text.slice(0, 20)} as the unit of an instrument of %s`, async (_where, meterOf) => {
    const pipeline = seeing()
    meterOf(pipeline)
      .createCounter(`unit that is ${what}`, { unit: value as string })
      .add(1)
    expect((await pipeline.seen()).descriptor.unit).toBe(text)
    expect(
      log.filter((line) => line.includes(`unit that is ${what}: the unit of an instrument must be text`)),
    ).toHaveLength(1)
  })

  test.each(MAKERS)('is no description of an instrument of %s that cannot be read', async (_where, meterOf) => {
    const pipeline = seeing()
    const name = `description that is ${what}`
    meterOf(pipeline)
      .createCounter(name, { description: value as string })
      .add(1)
    const { description } = (await pipeline.seen()).descriptor
    expect(description).toBe(typeof value === 'string' ? value.slice(0, 131_072) : text)
    expect(log.filter((line) => line.includes('must be text'))).toHaveLength(1)
  })

  test(`is ${text.slice(0, 20)} as the name of an instrument of the buffer`, async () => {
    const pipeline = seeing()
    pipeline.buffer
      .getMeter('test')
      .createCounter(value as string)
      .add(1)
    expect((await pipeline.seen()).descriptor.name).toBe(text)
  })

  test.each(['name', 'unit', 'description'])('is a text as the %s of a metric of a producer', async (field) => {
    const pipeline = seeing()
    pipeline.produces({ name: 'metric', unit: '', description: '', valueType: 1, [field]: value })
    const { descriptor } = await pipeline.seen()
    expect(descriptor[field as 'name']).toBe(
      field === 'description' && typeof value === 'string' ? value.slice(0, 131_072) : text,
    )
  })

  test.each(['name', 'version', 'schemaUrl'])('is a text as the %s of a scope of a producer', async (field) => {
    const pipeline = seeing()
    pipeline.produces({ name: 'metric' }, { name: 'scope', [field]: value })
    expect((await pipeline.seen()).scope).toEqual({ name: 'scope', [field]: text })
  })

  test('is nothing that a meter of the buffer breaks at', async () => {
    const pipeline = seeing()
    pipeline.buffer
      .getMeter(value as string, value as string, { schemaUrl: value as string })
      .createCounter('a')
      .add(1)
    expect((await pipeline.seen()).scope).toEqual({
      name: typeof value === 'string' ? text : '',
      version: text,
      schemaUrl: text,
    })
  })
})

test.each(MAKERS)('an instrument of %s whose value type is none is a double', async (_where, meterOf) => {
  const pipeline = seeing()
  meterOf(pipeline)
    .createCounter('counter', { valueType: 'double' as never })
    .add(1.5)
  expect((await pipeline.seen()).descriptor.valueType).toBe(ValueType.DOUBLE)
})

test('the number 5 and the text "5" are one name', async () => {
  const pipeline = seeing()
  const meter = pipeline.buffer.getMeter('test')
  meter.createCounter(5 as never).add(1)
  meter.createCounter('5').add(1)
  expect((await pipeline.seen()).descriptor.name).toBe('5')
})

test.each([
  ['null', null],
  ['a number', 5],
  ['a revoked proxy', revoked({})],
  [
    'getters that throw',
    Object.defineProperties(
      {},
      Object.fromEntries(['unit', 'description', 'valueType', 'advice'].map((name) => [name, { get: throwing }])),
    ),
  ],
  ['advice that throws', { advice: Object.defineProperty({}, 'explicitBucketBoundaries', { get: throwing }) }],
  ['boundaries that are a revoked proxy', { advice: { explicitBucketBoundaries: revoked([]) } }],
])('options that are %s are none', async (_what, options) => {
  const pipeline = seeing()
  pipeline.buffer
    .getMeter('test')
    .createHistogram('histogram', options as never)
    .record(1)
  expect((await pipeline.seen()).descriptor).toMatchObject({ name: 'histogram', unit: '', description: '' })
})

test('what is changed of a descriptor or a scope afterwards changes no stream', async () => {
  const pipeline = seeing()
  const descriptor = { name: 'metric', unit: 's', description: '', valueType: 1 }
  const scope = { name: 'scope', attributes: { a: ['x'] } }
  pipeline.produces(descriptor, scope)
  const { descriptor: seen, scope: seenScope } = await pipeline.seen()
  descriptor.name = 'other'
  scope.attributes.a.push('y')
  expect(seen.name).toBe('metric')
  expect(seenScope).toEqual({ name: 'scope', attributes: { a: ['x'] } })
})
