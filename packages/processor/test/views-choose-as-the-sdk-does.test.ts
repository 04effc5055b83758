import { type Attributes, ValueType } from '@opentelemetry/api'
import {
  type AggregationOption,
  AggregationType,
  createAllowListAttributesProcessor,
  createDenyListAttributesProcessor,
  type IAttributesProcessor,
  InstrumentType,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExponentialHistogramCell } from '../src/aggregation/exponential-histogram.ts'
import { createDescriptor } from '../src/buffer/instrument-descriptor.ts'
import type { ResolvedAggregation } from '../src/buffer/stream-aggregation.ts'
import { type StreamConfiguration, Views } from '../src/buffer/views.ts'
import type { InstrumentationScope } from '../src/series/stream.ts'
import { type InstrumentSpec, isObservable, type ShownStream, sdkStreams } from './support/sdk-streams.ts'

const ATTRIBUTES: Attributes = { a: 1, b: 'x', c: true }

// Few names, units and versions, so that views often select, and several views one instrument.
const names = ['load', 'latency', 'Load', 'http.server/load', 'http_server.load', 'a+b']
const units = ['', 'ms', 'By']
const versions = ['', '1', '2']
const schemas = ['https://example.org/1', 'https://example.org/2']
const anyKind = fc.constantFrom(...Object.values(InstrumentType))
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const boundaries = fc.oneof(
  fc
    .uniqueArray(fc.double({ noNaN: true }), { maxLength: 6, comparator: 'IsStrictlyEqual' })
    .map((values) => values.sort((x, y) => x - y)),
  fc.constantFrom<number[][]>([], [Number.NEGATIVE_INFINITY, 0, 5, Number.POSITIVE_INFINITY], [0, 10, 100]),
)

const aggregation: fc.Arbitrary<AggregationOption> = fc.oneof(
  fc.constantFrom<AggregationOption[]>(
    { type: AggregationType.DEFAULT },
    { type: AggregationType.DROP },
    { type: AggregationType.SUM },
    { type: AggregationType.LAST_VALUE },
    { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM },
    { type: AggregationType.EXPONENTIAL_HISTOGRAM },
  ),
  fc.record({
    type: fc.constant(AggregationType.EXPLICIT_BUCKET_HISTOGRAM as const),
    options: fc.record({ boundaries, recordMinMax: fc.boolean() }, { requiredKeys: ['boundaries'] }),
  }),
  fc.record({
    type: fc.constant(AggregationType.EXPONENTIAL_HISTOGRAM as const),
    options: fc.record({ maxSize: fc.integer({ min: 2, max: 200 }), recordMinMax: fc.boolean() }, { requiredKeys: [] }),
  }),
)

/** Its result depends on what others have dropped before, so that their order shows. */
const counting: IAttributesProcessor = { process: (kept) => ({ ...kept, d: Object.keys(kept).length }) }

const attributesProcessors = fc.array(
  fc.oneof(
    fc.constant(counting),
    fc.subarray(['a', 'b', 'c', 'd']).map(createAllowListAttributesProcessor),
    fc.subarray(['a', 'b', 'c', 'd']).map(createDenyListAttributesProcessor),
  ),
  { maxLength: 3 },
)

/** With one `*` at most: what the SDK makes of more is told apart below. */
const pattern = fc.oneof(
  fc.constantFrom(...names, '*', 'l*', 'http*load', '*load', 'http.server*', 'a+*', '(load|latency)', '[lL]oad'),
)

const view: fc.Arbitrary<ViewOptions> = fc
  .record({
    name: optional(fc.constantFrom('renamed', 'other', 'load', 'Renamed')),
    description: optional(fc.constantFrom('', 'of a view', 'of a view, and longer')),
    attributesProcessors: optional(attributesProcessors),
    aggregation: optional(aggregation),
    instrumentName: fc.oneof({ weight: 3, arbitrary: pattern }, { weight: 1, arbitrary: fc.constant(undefined) }),
    instrumentType: fc.oneof({ weight: 1, arbitrary: anyKind }, { weight: 4, arbitrary: fc.constant(undefined) }),
    instrumentUnit: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(...units) },
      { weight: 3, arbitrary: fc.constant(undefined) },
    ),
    meterName: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom('app', 'lib', 'ap*') },
      { weight: 4, arbitrary: fc.constant(undefined) },
    ),
    meterVersion: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(...versions) },
      { weight: 4, arbitrary: fc.constant(undefined) },
    ),
    meterSchemaUrl: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(...schemas) },
      { weight: 4, arbitrary: fc.constant(undefined) },
    ),
  })
  .map((options) => {
    const { instrumentName, instrumentType, instrumentUnit, meterName, meterVersion, meterSchemaUrl } = options
    const criteria = [instrumentName, instrumentType, instrumentUnit, meterName, meterVersion, meterSchemaUrl]
    const selects = criteria.some((criterion) => criterion !== undefined)
    const mayRename = instrumentName !== undefined && !instrumentName.includes('*')
    const { name, ...rest } = selects ? options : { ...options, instrumentName: '*' }
    return Object.fromEntries(
      Object.entries(mayRename ? { name, ...rest } : rest).filter(([, value]) => value !== undefined),
    ) as ViewOptions
  })

const instrument: fc.Arbitrary<InstrumentSpec> = fc.record({
  name: fc.constantFrom(...names),
  kind: anyKind,
  options: optional(
    fc.record(
      {
        unit: fc.constantFrom(...units, null as never),
        description: fc.constantFrom('', 'of an instrument', null as never),
        valueType: fc.constantFrom(ValueType.INT, ValueType.DOUBLE),
        advice: fc.record({ explicitBucketBoundaries: boundaries }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
  ),
})

const scope = fc.record(
  {
    name: fc.constantFrom('app', 'lib'),
    version: fc.constantFrom(...versions),
    schemaUrl: fc.constantFrom(...schemas),
  },
  { requiredKeys: ['name', 'version'] },
)

/** How a stream shows once these values were recorded under {@link ATTRIBUTES}; not at all if it is dropped. */
function shown(
  { descriptor, aggregation, attributesProcessors }: StreamConfiguration,
  values: number[],
): ShownStream[] {
  if (aggregation.type === 'drop') return []
  const { name, unit, description, type, valueType } = descriptor
  const attributes = attributesProcessors.reduce((kept, processor) => processor.process(kept), ATTRIBUTES)
  return [
    {
      name,
      unit,
      description,
      kind: type,
      valueType,
      attributes,
      aggregation: shownAggregation(aggregation, type, values),
    },
  ]
}

function shownAggregation(
  aggregation: ResolvedAggregation,
  kind: InstrumentType,
  values: number[],
): ShownStream['aggregation'] {
  if (aggregation.type !== 'exponential') return aggregation
  const { maxSize, recordMinMax } = aggregation
  if (isObservable(kind)) return { type: 'exponential', recordMinMax }
  const cell = new ExponentialHistogramCell()
  cell.maxSize = maxSize
  for (const value of values) cell.record(value)
  return { type: 'exponential', scale: cell.toValue().scale, recordMinMax }
}

const byName = (a: ShownStream, b: ShownStream) => (a.name < b.name ? -1 : Number(a.name > b.name))

test('the streams of an instrument are those that an SDK with the same views shows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(view, { maxLength: 4 }),
      instrument,
      scope,
      aggregation,
      async (views, instrument, scope, selected) => {
        const selector = () => selected
        // They need the 160 buckets that are the default of an exponential histogram, or else a coarser scale.
        const values = [1, 955]
        const descriptor = createDescriptor(instrument.name, instrument.kind, instrument.options)
        const streams = new Views(views).streamsOf(descriptor, scope, selector)
        const theirs = await sdkStreams(views, scope, instrument, selector, values, ATTRIBUTES)
        expect(streams.flatMap((stream) => shown(stream, values)).sort(byName)).toEqual(theirs.sort(byName))
      },
    ),
    { numRuns: 3000 },
  )
})

const streamsOf = (views: Views, name: string, scope: InstrumentationScope = { name: 'app', version: '' }) =>
  views.streamsOf(createDescriptor(name, InstrumentType.HISTOGRAM, undefined), scope, () => ({
    type: AggregationType.DEFAULT,
  }))

test('a scope without version and schema URL meets every criterion for them', () => {
  const views = new Views([{ meterVersion: '1', meterSchemaUrl: 'https://example.org/1', description: 'selected' }])
  const described = (scope: InstrumentationScope) => streamsOf(views, 'load', scope)[0]!.descriptor.description
  expect(described({ name: 'app' })).toBe('selected')
  expect(described({ name: 'app', version: '' })).toBe('')
  expect(described({ name: 'app', version: '1', schemaUrl: '' })).toBe('')
})

test('a stream of a view has the limit of the view, any other none of its own', () => {
  const views = new Views([{ instrumentName: 'load', aggregationCardinalityLimit: 1 }])
  expect(streamsOf(views, 'load')[0]!.cardinalityLimit).toBe(1)
  expect(streamsOf(views, 'other')[0]!.cardinalityLimit).toBeUndefined()
})

test('boundaries that change after construction do not change the view', () => {
  const boundaries = [1, 2]
  const aggregation = { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries } } as const
  const views = new Views([{ instrumentName: '*', aggregation }])
  boundaries.push(0)
  expect(streamsOf(views, 'load')[0]!.aggregation).toEqual({ type: 'explicit', boundaries: [1, 2], recordMinMax: true })
})
