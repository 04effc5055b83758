import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Exemplar, Stream, StreamPoints } from '@otel-sluice/processor'
import type { Family } from './families.ts'
import type { LabelBlocks } from './label-blocks.ts'

export type ExplicitAggregation = Extract<Stream['aggregation'], { readonly type: DataPointType.HISTOGRAM }>

/** What a writer reads of points: those of a stream, or what several of them came to. */
export type WrittenPoints = Pick<
  StreamPoints,
  'stream' | 'series' | 'valueOf' | 'numberOf' | 'histogramInto' | 'startUnixMicrosOf'
>

/**
 * Writes the samples of families in one format. Every point comes after the `begin` of its family; `block` is where its
 * labels are. It is called for every series of every scrape, so that no object is made for a point.
 */
export interface SampleWriter {
  begin(family: Family, blocks: LabelBlocks): void
  /** Points from one index up to another that have nothing but their numbers: `blocks` by index. */
  scalars(blocks: Int32Array, points: WrittenPoints, from: number, to: number): void
  scalar(block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void
  histogram(block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void
  exponential(block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void
  end(): void
}

/** How the points of a stream are written. */
export function writerOf({ aggregation }: Stream, writer: SampleWriter): SampleWriter['scalar'] {
  if (aggregation.type === DataPointType.HISTOGRAM) return writer.histogram.bind(writer)
  if (aggregation.type === DataPointType.EXPONENTIAL_HISTOGRAM) return writer.exponential.bind(writer)
  return writer.scalar.bind(writer)
}
