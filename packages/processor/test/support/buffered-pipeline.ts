import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  BufferingMetricReader,
  type BufferingMetricReaderOptions,
  MetricsBuffer,
  type MetricsBufferOptions,
} from '@otel-sluice/processor'
import { type Absorbed, CollectingAdapter } from './collecting-adapter.ts'

/** A registered reader with a buffer of these options, and an adapter that writes down what it is given. */
export function bufferedPipeline(
  bufferOptions: MetricsBufferOptions = {},
  readerOptions: Partial<BufferingMetricReaderOptions> = {},
  temporality = AggregationTemporality.DELTA,
) {
  const adapter = new CollectingAdapter()
  adapter.temporality = () => temporality
  const buffer = new MetricsBuffer(bufferOptions)
  const reader = new BufferingMetricReader({ adapters: [adapter], buffer, ...readerOptions })
  const provider = new MeterProvider({ readers: [reader] })
  /** A whole turn; what the adapter was given in it. */
  const turn = async (): Promise<Absorbed[]> => {
    const before = adapter.absorbed.length
    await reader.flush()
    return adapter.absorbed.slice(before)
  }
  return {
    adapter,
    buffer,
    reader,
    sdkMeter: provider.getMeter('test'),
    meter: buffer.getMeter('test'),
    turn,
    /** {@link turn}, as pairs of attributes and value. */
    async points(name?: string): Promise<[attributes: unknown, value: unknown][]> {
      const absorbed = await turn()
      return absorbed
        .filter((point) => name === undefined || point.name === name)
        .map(({ attributes, value }) => [attributes, value])
    },
  }
}

/** As it shows in every exporter. */
export const OVERFLOW = { 'otel.metric.overflow': true }

export const sumOf = (points: readonly { readonly value: unknown }[]): number =>
  points.reduce((total, point) => total + (point.value as number), 0)
