import {
  type Attributes,
  type Context,
  context as contexts,
  isSpanContextValid,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { AttributeCheck } from '../series/attribute-check.ts'
import { type Exemplar, ExemplarReservoir } from '../series/exemplar.ts'
import type { Generations } from '../series/generations.ts'
import type { Series } from '../series/series.ts'
import type { Stream } from '../series/stream.ts'

/** Which measurements may become examples (OTel spec, metrics SDK, "ExemplarFilter"). */
export type ExemplarFilter = 'always_off' | 'trace_based' | 'always_on'

/** Of an exponential histogram (OTel spec, metrics SDK, "Exemplar defaults"): at most this many. */
const MOST_OF_EXPONENTIAL = 20

/** Keeps examples of the measurements of one stream, on the generation they are recorded in. */
export class ExemplarSampler {
  readonly #generations: Generations
  readonly #needsTrace: boolean
  readonly #boundaries: readonly number[] | undefined
  readonly #needsFinite: boolean
  readonly #makeReservoir: () => ExemplarReservoir
  readonly #check: AttributeCheck

  constructor(
    generations: Generations,
    { aggregation }: Stream,
    filter: 'trace_based' | 'always_on',
    check: AttributeCheck,
  ) {
    this.#generations = generations
    this.#check = check
    this.#needsTrace = filter === 'trace_based'
    this.#boundaries = aggregation.type === DataPointType.HISTOGRAM ? aggregation.boundaries : undefined
    this.#needsFinite = aggregation.type === DataPointType.EXPONENTIAL_HISTOGRAM
    const size =
      aggregation.type === DataPointType.HISTOGRAM
        ? aggregation.boundaries.length + 1
        : this.#needsFinite
          ? MOST_OF_EXPONENTIAL
          : 1
    this.#makeReservoir = () => new ExemplarReservoir(size)
  }

  /**
   * Never throws.
   *
   * @param attributes of the measurement, those of the series among them
   */
  offer(series: Series, value: number, attributes: Attributes | undefined, context: Context | undefined): void {
    try {
      this.#offer(series, value, attributes, context)
    } catch (error) {
      this.#check.mishaps.mended('the span of a measurement must be there to read', error, 'it is no exemplar')
    }
  }

  #offer(series: Series, value: number, attributes: Attributes | undefined, context: Context | undefined): void {
    if (this.#needsFinite && !Number.isFinite(value)) return
    const span = trace.getSpanContext(context ?? contexts.active())
    if (this.#needsTrace && (span === undefined || (span.traceFlags & TraceFlags.SAMPLED) === 0)) return
    const reservoir = this.#generations.hot.reservoirOf(series, this.#makeReservoir)
    const slot = this.#boundaries === undefined ? reservoir.nextSlot() : bucketOf(this.#boundaries, value)
    if (slot === -1) return
    const exemplar: Exemplar = {
      value,
      timeUnixMicros: Date.now() * 1000,
      // Formats have no place for other ids than those of OpenTelemetry, and what sets a span need not be of it.
      ...(span !== undefined && isSpanContextValid(span) && { traceId: span.traceId, spanId: span.spanId }),
      filteredAttributes: this.#filtered(attributes, series.attributes),
    }
    reservoir.put(slot, exemplar)
  }

  #filtered(attributes: Attributes | undefined, kept: Attributes): Attributes {
    if (attributes === undefined) return {}
    const safe = this.#check.accept(attributes)
    return Object.fromEntries(Object.entries(safe).filter(([name]) => !Object.hasOwn(kept, name)))
  }
}

function bucketOf(boundaries: readonly number[], value: number): number {
  const bucket = boundaries.findIndex((boundary) => value <= boundary)
  return bucket === -1 ? boundaries.length : bucket
}
