import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { beforeEach, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { revoked, throwing } from './support/hostile.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

/** What adapters are given for this resource, after a turn. */
async function resourceOf(resource: Resource): Promise<Resource> {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], collectTimeoutMillis: 50 })
  new MeterProvider({ readers: [reader], resource })
  await reader.flush()
  return adapter.reader!.resource as Resource
}

/** One that lets everything pass, as that of another package, or of SDK 2, does. */
function lax(attributes: unknown, others: object = {}): Resource {
  const resource = {
    attributes,
    asyncAttributesPending: false,
    merge: () => resource,
    getRawAttributes: () => [],
    ...others,
  }
  return resource as unknown as Resource
}

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic

test.each([
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a BigInt', 5n],
  ['a Date', new Date(0)],
  ['a cycle', cyclic],
  ['a promise', Promise.resolve(1)],
  ['what throws as JSON', { toJSON: throwing, a: throwing }],
  ['a revoked proxy', revoked({})],
  ['an array with a function', [() => 1]],
])('an attribute that is %s is left out, which is told once', async (_what, bad) => {
  const { attributes } = await resourceOf(lax({ bad, 'service.name': 'shop', list: ['a', 1], map: { a: [true] } }))
  expect(attributes).toEqual({ 'service.name': 'shop', list: ['a', 1], map: { a: [true] } })
  expect(log).toEqual([expect.stringMatching(/^warn sluice: the resource: .*"bad" is left out \(reported once\)$/)])
})

test.each([
  ['rejects', () => Promise.reject(new Error('no'))],
  ['resolves to a function', async () => () => 1],
  ['resolves to a symbol', async () => Symbol('s')],
  ['resolves to a map', async () => cyclic],
  ['resolves to an array without end', async () => Object.assign([], { length: 2 ** 32 - 1 })],
  ['resolves to nothing', async () => undefined],
])('an attribute that is a promise which %s is left out', async (_what, make) => {
  const { attributes } = await resourceOf(resourceFromAttributes({ bad: make() as never, 'service.name': 'shop' }))
  expect(attributes).toEqual({ 'service.name': 'shop' })
})

test.each([
  ['attributes that are null', lax(null)],
  ['attributes that are undefined', lax(undefined)],
  ['attributes that are a text', lax('service.name=shop')],
  ['attributes that are an array', lax(['shop'])],
  ['a getter that throws', Object.defineProperty(lax({}), 'attributes', { get: throwing })],
  ['raw attributes that throw', lax({}, { getRawAttributes: throwing })],
  ['raw attributes that are none', lax({}, { getRawAttributes: () => 5 })],
  ['a pending flag that throws', Object.defineProperty(lax({}), 'asyncAttributesPending', { get: throwing })],
  ['a wait that throws', lax({}, { asyncAttributesPending: true, waitForAsyncAttributes: throwing })],
  ['a wait that rejects', lax({}, { asyncAttributesPending: true, waitForAsyncAttributes: async () => throwing() })],
])('a resource with %s has none, and metrics go on', async (_what, resource) => {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], collectTimeoutMillis: 50 })
  const provider = new MeterProvider({ readers: [reader], resource })
  provider.getMeter('test').createCounter('counter').add(1)
  await reader.flush()
  expect(adapter.values('counter')).toEqual([1])
  expect(adapter.reader!.resource.attributes).toEqual({})
})

test.each([5, {}, Symbol('s'), null])('a schema URL that is %s is none', async (schemaUrl) => {
  const resource = await resourceOf(lax({ a: 1 }, { schemaUrl }))
  expect(resource).not.toHaveProperty('schemaUrl')
  expect(resource.attributes).toEqual({ a: 1 })
})

test('what is given is what the SDK would give, as long as it makes sense', async () => {
  const attributes = { 'service.name': 'shop', 'process.args': ['a', 'b'], 'process.pid': 5, ok: true }
  const resource = await resourceOf(resourceFromAttributes(attributes, { schemaUrl: 'https://schema' }))
  expect(resource.attributes).toEqual(attributes)
  expect(resource.schemaUrl).toBe('https://schema')
  expect(Object.fromEntries(resource.getRawAttributes())).toEqual(attributes)
  const merged = resource.merge(resourceFromAttributes({ 'service.name': 'other', more: 1 }))
  expect(merged.attributes).toEqual({ ...attributes, 'service.name': 'other', more: 1 })
  expect(log).toEqual([])
})
