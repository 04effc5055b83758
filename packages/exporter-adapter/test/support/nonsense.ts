import type { Attributes, Meter } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { MetricProcessor, ProcessedMetric } from '@otel-sluice/processor'
import fc from 'fast-check'

const throwing = (): never => {
  throw new Error('no')
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function cyclic(): object {
  const map: { self?: unknown; list: unknown[] } = { list: [] }
  map.self = map
  map.list.push(map.list)
  return map
}

function nested(depth: number): unknown {
  let value: unknown = 'deep'
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

/** An array that takes no memory, and for ever to walk along. */
export function endless(): unknown[] {
  const array: unknown[] = []
  array.length = 2 ** 32 - 1
  return array
}

/** Small to write down, and 10^12 values when it is walked along. */
function laughing(): unknown {
  let value: unknown = 'lol'
  for (let i = 0; i < 6; i++) value = Array<unknown>(100).fill(value)
  return value
}

/** What JavaScript lets pass where a text, a number or a map is expected; each made anew. */
export const NONSENSE: readonly (readonly [what: string, make: () => unknown])[] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['an empty text', () => ''],
  ['half a surrogate', () => '\ud800'],
  ['a long text', () => 'long'.repeat(100_000)],
  ['control characters', () => '\0\x01\n\r"\\{}'],
  ['a number', () => 5],
  ['NaN', () => Number.NaN],
  ['infinity', () => Number.NEGATIVE_INFINITY],
  ['a number beyond all integers', () => 1e300],
  ['a BigInt', () => 7n],
  ['a long BigInt', () => 7n ** 100_000n],
  ['true', () => true],
  ['a symbol', () => Symbol('s')],
  ['a function', () => () => 1],
  ['a class', () => class A {}],
  ['a map', () => ({ a: 1, b: ['c'] })],
  ['an object that throws as text', () => ({ toString: throwing, valueOf: throwing, toJSON: throwing })],
  ['an object with a getter that throws', () => Object.defineProperty({}, 'a', { get: throwing, enumerable: true })],
  ['an array of mixed values', () => ['a', 1, null, undefined, true]],
  ['an array of nonsense', () => [() => 1, Symbol('s'), 1n]],
  ['an array without end', endless],
  ['an array with an array without end in it', () => [endless()]],
  ['a map with an array without end in it', () => ({ a: { b: endless() } })],
  [
    'an array whose iterator has no end',
    () => Object.assign([1], { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }) }) }),
  ],
  ['more elements than memory', laughing],
  ['a cycle', cyclic],
  ['a deep value', () => nested(5_000)],
  ['a map of many names', () => Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`n${i}`, i]))],
  ['a Date', () => new Date(0)],
  ['an invalid Date', () => new Date(Number.NaN)],
  ['a Map', () => new Map([[1, 2]])],
  ['a promise', () => Promise.resolve(1)],
  ['bytes', () => new Uint8Array(3)],
  ['a large buffer', () => Buffer.alloc(3_000_000)],
  ['a revoked proxy', () => revoked({})],
  ['a revoked proxy of an array', () => revoked([])],
  ['a proxy that throws', () => new Proxy([1], { get: throwing, ownKeys: throwing })],
  ['a proxy that lies about its length', () => new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 32 : 1) })],
]

/** One of those whose description does not match. */
function nonsenseBut(unwanted: RegExp) {
  return fc.constantFrom(...NONSENSE.filter(([what]) => !unwanted.test(what))).map(([, make]) => make)
}

type Nonsense = ReturnType<typeof nonsenseBut>

/** It, or something that makes sense. */
function orElse(nonsense: Nonsense, sense: unknown) {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(() => sense) }, nonsense)
}

function attributesOf(nonsense: Nonsense) {
  return fc.oneof(
    { weight: 3, arbitrary: fc.dictionary(fc.string({ maxLength: 3 }), nonsense, { maxKeys: 3 }) },
    { weight: 1, arbitrary: nonsense },
  )
}

const KINDS = [
  'createCounter',
  'createUpDownCounter',
  'createGauge',
  'createHistogram',
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createObservableGauge',
] as const

function instrumentOf(nonsense: Nonsense) {
  return fc.record({
    kind: fc.constantFrom(...KINDS),
    name: orElse(nonsense, 'odd'),
    unit: orElse(nonsense, 's'),
    description: orElse(nonsense, 'is odd'),
    valueType: orElse(nonsense, 0),
    advice: fc.oneof(
      fc.constant(() => undefined),
      nonsense,
      nonsense.map((make) => () => ({ explicitBucketBoundaries: make() })),
      fc
        .array(nonsense, { maxLength: 3 })
        .map((makes) => () => ({ explicitBucketBoundaries: makes.map((make) => make()) })),
    ),
    attributes: attributesOf(nonsense),
    value: orElse(nonsense, 1),
  })
}

/** An instrument with anything in every field. */
export const anyInstrument = instrumentOf(nonsenseBut(/^$/))

/** The same without what the SDK itself walks along for ever: as a text, or as JSON. */
export const anyOfSdk = instrumentOf(nonsenseBut(/end|memory|buffer/))

const nonsense = nonsenseBut(/^$/)
const orNonsense = (sense: unknown) => orElse(nonsense, sense)
const attributes = attributesOf(nonsense)

/** A metric of a producer with anything in every field. */
export const anyMetric = fc.record({
  scope: fc.record({ name: orNonsense('s'), version: nonsense, schemaUrl: nonsense, attributes }),
  descriptor: fc.record({
    name: orNonsense('odd'),
    unit: orNonsense('s'),
    description: orNonsense('is odd'),
    valueType: orNonsense(0),
    type: orNonsense('COUNTER'),
  }),
  dataPointType: fc.oneof(
    fc.constantFrom(...Object.values(DataPointType)).map((type) => () => type),
    nonsense,
  ),
  aggregationTemporality: fc.oneof(
    fc.constantFrom(0, 1).map((temporality) => () => temporality),
    nonsense,
  ),
  isMonotonic: orNonsense(true),
  value: fc.oneof(
    orNonsense(1),
    fc
      .record({
        boundaries: fc.oneof(
          fc.constant(() => [1, 2]),
          nonsense,
        ),
        counts: orNonsense([1, 0, 0]),
        count: orNonsense(1),
        sum: orNonsense(3),
        min: nonsense,
        max: nonsense,
      })
      .map(({ boundaries, counts, ...others }) => () => ({
        buckets: { boundaries: boundaries(), counts: counts() },
        ...made(others),
      })),
    fc
      .record({
        scale: orNonsense(2),
        count: orNonsense(1),
        zeroCount: orNonsense(1),
        sum: orNonsense(3),
        offset: orNonsense(0),
        bucketCounts: orNonsense([]),
      })
      .map((makes) => () => {
        const { offset, bucketCounts, ...others } = made(makes)
        return { ...others, positive: { offset, bucketCounts }, negative: { offset: 0, bucketCounts: [] } }
      }),
  ),
  startTime: orNonsense([1, 2]),
  endTime: fc.oneof(
    orNonsense([3, 4]),
    fc.constant(() => [Number.NaN, 1]),
  ),
  attributes,
})

type Made<T> = { [Field in keyof T]: T[Field] extends () => infer Value ? Value : never }

/** What the functions in it make. */
function made<T extends Record<string, () => unknown>>(makes: T): Made<T> {
  return Object.fromEntries(Object.entries(makes).map(([field, make]) => [field, make()])) as Made<T>
}

function madeAttributes(makes: typeof attributes extends fc.Arbitrary<infer T> ? T : never): Attributes {
  return (typeof makes === 'function' ? makes() : made(makes)) as Attributes
}

type AnyInstrument = typeof anyInstrument extends fc.Arbitrary<infer T> ? T : never
type AnyMetric = typeof anyMetric extends fc.Arbitrary<infer T> ? T : never

/** Makes an instrument and records with it, as far as the meter does not throw. */
export function recordAnything(meter: Meter, { kind, name, value, attributes: set, ...rest }: AnyInstrument): void {
  const options = made(rest) as never
  const instrument = meter[kind](name() as string, options)
  const [measured, given] = [value() as number, madeAttributes(set)]
  if ('addCallback' in instrument) instrument.addCallback((result) => result.observe(measured, given))
  else if ('add' in instrument) instrument.add(measured, given)
  else instrument.record(measured, given)
}

/** What processors make of metrics that are not called so. */
export const anyProcessing = fc.record({ name: nonsense, unit: nonsense, description: nonsense, attributes })

/** @param isLeftAlone whether a metric of this name goes through unchanged */
export function processorOf(
  { attributes: set, ...fields }: typeof anyProcessing extends fc.Arbitrary<infer T> ? T : never,
  isLeftAlone: (name: string) => boolean,
): MetricProcessor {
  const ours = new WeakSet<ProcessedMetric>()
  return {
    name: 'odd',
    processMetric: (metric) => {
      const processed = isLeftAlone(metric.name) ? metric : ({ ...metric, ...made(fields) } as ProcessedMetric)
      if (processed !== metric) ours.add(processed)
      return processed
    },
    processAttributes: (given, metric) => (ours.has(metric) ? madeAttributes(set) : given),
  }
}

export function metricOf({ scope, descriptor, ...rest }: AnyMetric): ScopeMetrics {
  const { name, version, schemaUrl } = scope
  const { value, startTime, endTime, attributes: set, ...fields } = rest
  const point = { ...made({ value, startTime, endTime }), attributes: madeAttributes(set) }
  const metric = { descriptor: made(descriptor), ...made(fields), dataPoints: [point] }
  return {
    scope: { ...made({ name, version, schemaUrl }), attributes: madeAttributes(scope.attributes) },
    metrics: [metric],
  } as unknown as ScopeMetrics
}

/** A counter of a producer that makes sense. */
export function soundMetric(name: string, value: number): MetricData {
  return {
    descriptor: { name, description: '', unit: '', valueType: 1 },
    dataPointType: DataPointType.SUM,
    aggregationTemporality: AggregationTemporality.DELTA,
    isMonotonic: true,
    dataPoints: [{ startTime: [1, 0], endTime: [2, 0], attributes: {}, value }],
  }
}

/** Gives what it was told to, once. */
export class OnceProducer implements MetricProducer {
  scopeMetrics: ScopeMetrics[] = []

  async collect(): Promise<CollectionResult> {
    const { scopeMetrics } = this
    this.scopeMetrics = []
    return { resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics }, errors: [] }
  }
}
