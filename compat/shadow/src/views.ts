import {
  type AggregationOption,
  AggregationType,
  createAllowListAttributesProcessor,
  createDenyListAttributesProcessor,
  InstrumentType,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { KEYS } from './attributes.ts'

/** A view as plain data. */
export interface ViewSpec {
  readonly select: Pick<
    ViewOptions,
    'instrumentName' | 'instrumentType' | 'instrumentUnit' | 'meterName' | 'meterVersion' | 'meterSchemaUrl'
  >
  readonly name: string | undefined
  readonly description: string | undefined
  readonly attributes: { readonly do: 'keep' | 'drop'; readonly keys: readonly string[] } | undefined
  readonly aggregation: AggregationOption
  readonly aggregationCardinalityLimit: number | undefined
}

const SYNCHRONOUS = [
  InstrumentType.COUNTER,
  InstrumentType.UP_DOWN_COUNTER,
  InstrumentType.GAUGE,
  InstrumentType.HISTOGRAM,
] as const

const aggregation: fc.Arbitrary<AggregationOption> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ type: AggregationType.DEFAULT } as const) },
  { weight: 2, arbitrary: fc.constant({ type: AggregationType.SUM } as const) },
  { weight: 2, arbitrary: fc.constant({ type: AggregationType.LAST_VALUE } as const) },
  { weight: 1, arbitrary: fc.constant({ type: AggregationType.DROP } as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant(AggregationType.EXPLICIT_BUCKET_HISTOGRAM as const),
      options: fc.record({
        boundaries: fc.constantFrom<number[][]>([0, 50], [-10, 0, 10], []),
        recordMinMax: fc.boolean(),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant(AggregationType.EXPONENTIAL_HISTOGRAM as const),
      options: fc.record({ maxSize: fc.constantFrom(2, 5, 20, 160), recordMinMax: fc.boolean() }),
    }),
  },
)

const instrumentName = fc.constantFrom('requests', 'latency', 'load')

/** Which instruments. Only a view that names one instrument may rename it. */
const selection: fc.Arbitrary<Pick<ViewSpec, 'select' | 'name'>> = fc.oneof(
  fc.record({
    select: fc.oneof(
      fc.record({ instrumentName: fc.constantFrom('*', 'l*', 'requests') }),
      fc.record({ instrumentType: fc.constantFrom(...Object.values(InstrumentType)) }),
      fc.record({ instrumentUnit: fc.constantFrom('', 'ms') }),
      fc.record({ meterName: fc.constantFrom('app', 'app.db') }),
      fc.record({ meterVersion: fc.constantFrom('', '1') }),
      fc.record({ meterSchemaUrl: fc.constant('https://example.org/1') }),
    ),
    name: fc.constant(undefined),
  }),
  // Several views of one instrument, side by side.
  fc.record({ instrumentName, suffix: fc.constantFrom('renamed', 'other') }).map(({ instrumentName, suffix }) => ({
    select: { instrumentName },
    name: `${instrumentName}.${suffix}`,
  })),
  // Several instruments under one name.
  fc.record({ instrumentName, instrumentType: fc.constantFrom(...SYNCHRONOUS) }).map((select) => ({
    select,
    name: 'shared',
  })),
)

export const view: fc.Arbitrary<ViewSpec> = fc
  .record({
    selection,
    description: fc.constantFrom(undefined, 'from a view'),
    attributes: fc.option(fc.record({ do: fc.constantFrom('keep', 'drop'), keys: fc.subarray([...KEYS]) }), {
      nil: undefined,
    }),
    aggregation,
    limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 2 }),
    synchronous: fc.constantFrom(...SYNCHRONOUS),
  })
  .map(({ selection, description, attributes, aggregation, limit, synchronous }) => {
    const needsSynchronous =
      // The SDK's difference of two exponential histograms has no negative buckets and the wrong scale.
      aggregation.type === AggregationType.EXPONENTIAL_HISTOGRAM ||
      // The SDK's overflow series of an observable counter falls and starts anew at every callback.
      limit !== undefined
    return {
      select: needsSynchronous
        ? { instrumentType: synchronous, ...synchronousOnly(selection.select) }
        : selection.select,
      name: selection.name,
      description,
      attributes,
      aggregation,
      aggregationCardinalityLimit: limit,
    }
  })

function synchronousOnly(select: ViewSpec['select']): ViewSpec['select'] {
  const { instrumentType, ...rest } = select
  return SYNCHRONOUS.some((kind) => kind === instrumentType) ? select : rest
}

export function viewOptions(spec: ViewSpec): ViewOptions {
  const { select, name, description, attributes, aggregation, aggregationCardinalityLimit } = spec
  return {
    ...select,
    aggregation,
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(aggregationCardinalityLimit !== undefined && { aggregationCardinalityLimit }),
    ...(attributes !== undefined && {
      attributesProcessors: [
        attributes.do === 'keep'
          ? createAllowListAttributesProcessor([...attributes.keys])
          : createDenyListAttributesProcessor([...attributes.keys]),
      ],
    }),
  }
}
