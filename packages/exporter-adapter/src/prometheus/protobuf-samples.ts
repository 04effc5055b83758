import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import type { Exemplar } from '@otel-sluice/processor'
import { areTooMany, BucketBounds, isAnyNegative } from './bucket-bounds.ts'
import type { Conflicts } from './conflicts.ts'
import { exemplarLabels, latestOf } from './exemplars.ts'
import type { Exposition } from './exposition.ts'
import type { Family } from './families.ts'
import { nativeHistogramOf } from './native-histogram.ts'
import { type PrometheusExemplar, ProtobufWriter } from './protobuf-writer.ts'
import type { ExplicitAggregation, SampleWriter, WrittenPoints } from './sample-writer.ts'
import type { TextBody } from './text-body.ts'

const NO_NATIVE = 'a native histogram has a sum, a scale of -4 or more, and buckets that add up to its count'

/** Prometheus' delimited protobuf format, the only one with native histograms: a message for each family. */
export class ProtobufSamples implements SampleWriter {
  readonly #body: TextBody
  readonly #exposition: Exposition
  readonly #conflicts: Conflicts
  readonly #writer = new ProtobufWriter()
  #isCounter = false
  #boundaries: readonly number[] | undefined
  #bounds = new BucketBounds([])

  constructor(body: TextBody, exposition: Exposition, conflicts: Conflicts) {
    this.#body = body
    this.#exposition = exposition
    this.#conflicts = conflicts
  }

  begin({ name, help, unit, type }: Family): void {
    this.#isCounter = type === 'counter'
    this.#writer.begin(name, help, unit === '' ? undefined : unit, type)
  }

  scalars(blocks: Int32Array, points: WrittenPoints, from: number, to: number): void {
    for (let i = from; i < to; i++) this.scalar(blocks[i]!, points, i, [])
  }

  scalar(_block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void {
    const labels = this.#exposition.labelsOf(points.series[index]!)
    const value = points.numberOf(index)
    if (this.#isCounter) {
      const latest = latestOf(exemplars)
      this.#writer.counter(labels, value, points.startUnixMicrosOf(index), latest && this.#exemplarOf(latest))
    } else {
      this.#writer.gauge(labels, value)
    }
  }

  histogram(_block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void {
    const { boundaries } = points.stream.aggregation as ExplicitAggregation
    if (boundaries !== this.#boundaries) {
      this.#boundaries = boundaries
      this.#bounds = new BucketBounds(boundaries)
    }
    const { bounds } = this.#bounds
    const cells = new Float64Array(boundaries.length + 2)
    points.histogramInto(index, cells)
    this.#bounds.gather(cells)
    const sum = cells[bounds.length + 1]!
    const series = points.series[index]!
    // Of either the encoder would throw.
    if (isAnyNegative(cells, bounds.length + 1)) {
      this.#conflicts.leftOut(series, 'protobuf', 'a bucket has a negative count')
      return
    }
    if (areTooMany(cells, bounds.length + 1)) {
      this.#conflicts.leftOut(series, 'protobuf', 'its count has more than 64 bits')
      return
    }
    this.#writer.histogram(
      this.#exposition.labelsOf(series),
      bounds,
      cells,
      Object.is(sum, -0) ? undefined : sum,
      points.startUnixMicrosOf(index),
      exemplars.map((each) => this.#exemplarOf(each)),
    )
  }

  exponential(_block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void {
    const series = points.series[index]!
    const native = nativeHistogramOf(points.valueOf(index) as ExponentialHistogram)
    if (native === undefined) {
      this.#conflicts.leftOut(series, 'protobuf', NO_NATIVE)
    } else {
      this.#writer.nativeHistogram(
        this.#exposition.labelsOf(series),
        native,
        points.startUnixMicrosOf(index),
        exemplars.map((each) => this.#exemplarOf(each)),
      )
    }
  }

  end(): void {
    for (const piece of this.#writer.end()) this.#body.adopt(piece)
  }

  #exemplarOf(exemplar: Exemplar): PrometheusExemplar {
    return {
      labels: exemplarLabels(exemplar, this.#exposition.labels),
      value: exemplar.value,
      timestampSeconds: exemplar.timeUnixMicros / 1e6,
    }
  }
}
