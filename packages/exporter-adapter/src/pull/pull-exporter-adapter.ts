import {
  type AggregationOption,
  AggregationTemporality,
  type CollectionResult,
  type IMetricReader,
  type InstrumentType,
} from '@opentelemetry/sdk-metrics'
import {
  type AdapterStats,
  type AttachedReader,
  type ExporterAdapter,
  Fold,
  type Generation,
  type Series,
  type StreamPoints,
} from '@otel-sluice/processor'
import { DeliveryCounts } from '../delivery-counts.ts'
import { MetricDataBuilder } from '../metric-data.ts'
import { settlesWithin } from '../settles-within.ts'
import { classNameOf, shown } from '../shown.ts'
import { TemporalityChoice } from '../temporality-choice.ts'

/**
 * Feeds any pull `MetricReader`, first of all `PrometheusExporter`: its `collect()` gets a turn, shared with all that wait
 * for the same one, and then the points it wants.
 *
 * Delta points are handed over once: what one `collect()` was given counts as delivered. The exporter's `MetricReader` may
 * come from another copy of the SDK.
 *
 * @throws TypeError from the constructor when given anything else
 */
export class PullExporterAdapter implements ExporterAdapter {
  readonly name: string
  readonly #pullReader: IMetricReader
  readonly #temporality: TemporalityChoice
  #reader: AttachedReader | undefined
  readonly #open = new Fold()
  #isShutdown = false
  readonly #counts = new DeliveryCounts()

  /** @param reader an exporter that is a `MetricReader`, registered nowhere else */
  constructor(reader: IMetricReader) {
    if (typeof reader?.setMetricProducer !== 'function' || typeof reader.selectAggregation !== 'function') {
      const isPush = typeof (reader as { export?: unknown } | undefined)?.export === 'function'
      throw new TypeError(
        `PullExporterAdapter: reader must be a pull MetricReader such as PrometheusExporter, got ${classNameOf(reader, shown(reader))}` +
          (isPush ? '; it is a push exporter: use new PushExporterAdapter(exporter)' : ''),
      )
    }
    this.#pullReader = reader
    this.#temporality = new TemporalityChoice((kind) => reader.selectAggregationTemporality(kind))
    this.name = classNameOf(reader, 'PullExporterAdapter')
  }

  selectAggregationTemporality(kind: InstrumentType): AggregationTemporality {
    return this.#temporality.of(kind)
  }

  selectAggregation(kind: InstrumentType): AggregationOption {
    return this.#pullReader.selectAggregation(kind)
  }

  attach(reader: AttachedReader): void {
    if (this.#reader !== undefined) throw new Error(`${this.name}: this adapter is attached to a reader already`)
    const returned: unknown = this.#pullReader.setMetricProducer({ collect: () => this.#collect(reader) })
    this.#reader = reader
    settling(() => returned).catch((error: unknown) => this.#counts.failed(error))
  }

  absorb(series: Series, generation: Generation): void {
    this.#counts.offeredPoints++
    if (this.#isShutdown) this.#counts.lostPoints.shutdown++
    else if (this.#open.absorb(series, generation)) this.#counts.mergedPoints++
  }

  async shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    this.#isShutdown = true
    try {
      // A foreign reader need not heed the deadline.
      const shutdown = settling(() => this.#pullReader.shutdown({ timeoutMillis: Math.max(1, timeoutMillis) }))
      await settlesWithin(shutdown, timeoutMillis)
    } catch (error) {
      this.#counts.failed(error)
    }
    this.#counts.lostPoints.shutdown += this.#open.size
    this.#open.take()
  }

  stats(): AdapterStats {
    return this.#counts.stats({ points: this.#open.size, parcels: this.#open.size > 0 ? 1 : 0 })
  }

  async #collect(reader: AttachedReader): Promise<CollectionResult> {
    this.#counts.attempts++
    try {
      await reader.turn()
      const result = await reader.betweenTurns(() => this.#handOver(reader))
      this.#counts.lastSuccessUnixMillis = Date.now()
      return result
    } catch (error) {
      this.#counts.failed(error)
      throw error
    }
  }

  async #handOver(reader: AttachedReader): Promise<CollectionResult> {
    const { resource } = reader
    const builder = new MetricDataBuilder()
    const cumulative = await reader.cumulative.capture(
      ({ kind }) => this.selectAggregationTemporality(kind) === AggregationTemporality.CUMULATIVE,
    )
    await arrange(cumulative, AggregationTemporality.CUMULATIVE, builder, reader)
    this.#counts.offeredPoints += builder.size
    this.#counts.deliveredPoints += builder.size + this.#open.size
    const delta = await this.#open.takeInSlices(reader.inSlices)
    await arrange(delta, AggregationTemporality.DELTA, builder, reader)
    return { resourceMetrics: builder.build(resource), errors: [] }
  }
}

async function arrange(
  streams: readonly StreamPoints[],
  temporality: AggregationTemporality,
  builder: MetricDataBuilder,
  reader: AttachedReader,
): Promise<void> {
  for (const points of streams) await reader.inSlices(points.size, (i) => builder.add(points, i, temporality))
}

/** Readers promise a promise; some return nothing, or throw at once. */
async function settling(call: () => unknown): Promise<unknown> {
  return call()
}
