import { type AggregationOption, AggregationType, InstrumentType } from '@opentelemetry/sdk-metrics'
import { isObserved, type Program, type Step, type Temporality } from './program.ts'

const AGGREGATIONS: readonly AggregationOption[] = [
  { type: AggregationType.DEFAULT },
  { type: AggregationType.SUM },
  { type: AggregationType.LAST_VALUE },
  { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [0, 10], recordMinMax: true } },
  { type: AggregationType.EXPONENTIAL_HISTOGRAM },
]

/** A program for each aggregation, with all instruments it is compared for, so that none is left to chance. */
export function examples(temporality: Temporality): [Program][] {
  return AGGREGATIONS.map((aggregation) => {
    const kinds = Object.values(InstrumentType).filter(
      // See `views.ts` for why.
      (kind) => aggregation.type !== AggregationType.EXPONENTIAL_HISTOGRAM || !isObserved(kind),
    )
    const record = (value: number): Step[] =>
      kinds.map((_, instrument) => ({ do: 'record', instrument, attributes: instrument, reversed: false, value }))
    const program: Program = {
      temporality,
      histograms: 'explicit',
      maxExportBatchSize: 3,
      flushedFirst: 'ours',
      observing: 'each',
      views: [
        {
          select: { instrumentName: '*' },
          name: undefined,
          description: undefined,
          attributes: undefined,
          aggregation,
          aggregationCardinalityLimit: undefined,
        },
      ],
      scopes: [{ name: 'app', version: undefined, schemaUrl: undefined }],
      instruments: kinds.map((kind) => ({
        kind,
        name: 'requests',
        unit: '',
        isInteger: false,
        boundaries: undefined,
        scope: 0,
        callback: 'plain',
        isSticky: true,
      })),
      attributeSets: [[], [['route', '/']]],
      steps: [...record(3), { do: 'flush' }, ...record(0.25), { do: 'collect' }, ...record(70), { do: 'flush' }],
    }
    return [program]
  })
}
