import type { AggregationSelector, IAttributesProcessor, ViewOptions } from '@opentelemetry/sdk-metrics'
import { describe } from '../core/describe.ts'
import { report } from '../series/report.ts'
import type { InstrumentationScope } from '../series/stream.ts'
import { type InstrumentDescriptor, isSameStream, withLongerDescription } from './instrument-descriptor.ts'
import {
  checkBoundaries,
  type RequestedAggregation,
  type ResolvedAggregation,
  requestAggregation,
  resolveAggregation,
} from './stream-aggregation.ts'
import { createView, type View } from './view.ts'

/** One stream that an instrument records into. */
export interface StreamConfiguration {
  readonly descriptor: InstrumentDescriptor
  readonly aggregation: ResolvedAggregation
  /** What attributes go through, in this order; empty if they are taken as they come. */
  readonly attributesProcessors: readonly IAttributesProcessor[]
  /** Most attribute sets, if the view gives a limit of its own; else that of the instrument kind holds. */
  readonly cardinalityLimit: number | undefined
}

/**
 * Decides into which streams an instrument records (OTel spec, metrics SDK, "View"), as the SDK does. It differs where
 * the SDK leaves the specification or hides a mistake:
 * - every `*` and `?` of an `instrumentName` is a wildcard; the SDK knows the first `*` only;
 * - an instrument that two views give one stream records into it once; with the SDK, once for each view;
 * - a view that drops does so for the instruments it selects; with the SDK, whoever comes first under a name decides for all;
 * - boundaries that are not strictly increasing are rejected; the SDK sorts them and keeps duplicates;
 * - a `maxSize` below 2 is rejected; the SDK warns and takes 2.
 */
export class Views {
  readonly #views: readonly View[]
  readonly #reported = new Set<string>()

  /** @throws TypeError or RangeError that names the option and the value */
  constructor(options: readonly ViewOptions[]) {
    if (!Array.isArray(options)) throw new TypeError(`MetricsBuffer: views must be an array, got ${describe(options)}`)
    this.#views = options.map((view: ViewOptions, i) => createView(view, `MetricsBuffer: views[${i}]`))
  }

  /**
   * The streams of an instrument, at least one, though all may be dropped: one for each view that selects it, or else one
   * with the aggregation that the selector gives for its kind. Views that do not change its name give one stream
   * together, to which the first of them applies. Never throws.
   *
   * @param scope as the SDK has it: its `getMeter(name)` makes the version `''`, not `undefined`
   */
  streamsOf(
    instrument: InstrumentDescriptor,
    scope: InstrumentationScope,
    aggregationSelector: AggregationSelector,
  ): StreamConfiguration[] {
    const streams: StreamConfiguration[] = []
    for (const view of this.#views) {
      if (!view.selects(instrument, scope)) continue
      const descriptor = view.describe(instrument)
      const known = streams.findIndex((stream) => isSameStream(stream.descriptor, descriptor))
      if (known === -1) {
        streams.push({
          descriptor,
          aggregation: this.#resolve(view.aggregation, instrument),
          attributesProcessors: view.attributesProcessors,
          cardinalityLimit: view.cardinalityLimit,
        })
        continue
      }
      this.#reportOnce(
        view.label,
        'warn',
        `sluice: ${view.label} selects ${instrument.name}, for which an earlier view gives a stream of the same name; ` +
          'the earlier one applies. Give one of them another name, or select fewer instruments',
      )
      const stream = streams[known]!
      streams[known] = { ...stream, descriptor: withLongerDescription(stream.descriptor, descriptor) }
    }
    if (streams.length > 0) return streams
    const requested = this.#select(aggregationSelector, instrument)
    return [
      {
        descriptor: instrument,
        aggregation: this.#resolve(requested, instrument),
        attributesProcessors: [],
        cardinalityLimit: undefined,
      },
    ]
  }

  #resolve(requested: RequestedAggregation, instrument: InstrumentDescriptor): ResolvedAggregation {
    const advised = requested.type === 'default' ? this.#advisedBoundaries(instrument) : undefined
    return resolveAggregation(requested, instrument.type, advised)
  }

  /** Instruments are made in the middle of an application, so what is wrong here is told and not thrown. */
  #select(aggregationSelector: AggregationSelector, { type }: InstrumentDescriptor): RequestedAggregation {
    try {
      return requestAggregation(aggregationSelector(type), `aggregationSelector(${type})`)
    } catch (error) {
      const where = `aggregationSelector(${type})`
      this.#reportOnce(where, 'error', `sluice: ${where} is of no use, so the default aggregation is used:`, error)
      return { type: 'default' }
    }
  }

  /** Invalid advice counts as none (OTel spec, metrics SDK, "Instrument advisory parameters"). */
  #advisedBoundaries({ name, advice }: InstrumentDescriptor): readonly number[] | undefined {
    try {
      const { explicitBucketBoundaries } = advice
      if (explicitBucketBoundaries == null) return undefined
      return checkBoundaries(explicitBucketBoundaries, 'advice.explicitBucketBoundaries')
    } catch (error) {
      this.#reportOnce(`advice ${name}`, 'error', `sluice: the advice of ${name} is ignored:`, error)
      return undefined
    }
  }

  #reportOnce(subject: string, level: 'error' | 'warn', message: string, ...errors: readonly unknown[]): void {
    if (this.#reported.has(subject)) return
    this.#reported.add(subject)
    report(level, message, ...errors)
  }
}
