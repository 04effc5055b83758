import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { NativeBuckets, NativeHistogram } from './native-histogram.ts'

export type PrometheusType = 'counter' | 'gauge' | 'histogram' | 'unknown'
export type LabelPairs = readonly (readonly [name: string, value: string])[]

export interface PrometheusExemplar {
  readonly labels: LabelPairs
  readonly value: number
  /** Since 1970, to the µs. */
  readonly timestampSeconds: number
}

// The numbers of the fields of each message, as Prometheus' client_model numbers them in metrics.proto.
const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 } as const
const TYPES = { counter: 0, gauge: 1, unknown: 3, histogram: 4 } as const
const METRIC = { label: 1, gauge: 2, counter: 3, untyped: 5, histogram: 7 } as const
const LABEL = { name: 1, value: 2 } as const
const GAUGE = { value: 1 } as const
const COUNTER = { value: 1, exemplar: 2, created: 3 } as const
const HISTOGRAM = {
  count: 1,
  sum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  created: 15,
  exemplar: 16,
} as const
const NEGATIVE = { span: 9, delta: 10 } as const
const POSITIVE = { span: 12, delta: 13 } as const
const BUCKET = { cumulativeCount: 1, upperBound: 2, exemplar: 3 } as const
const SPAN = { offset: 1, length: 2 } as const
const EXEMPLAR = { label: 1, value: 2, timestamp: 3 } as const
const TIMESTAMP = { seconds: 1, nanos: 2 } as const

/** A span of nothing: the sign of native histograms that nothing else tells from classic ones. */
const NO_BUCKETS_AT_ALL: NativeBuckets = { spans: [{ offset: 0, length: 0 }], deltas: [] }

/** Some ten kilobytes. */
const METRICS_IN_PIECE = 64

const MAX_UINT32 = 2 ** 32 - 1
const MAX_INT32 = 2 ** 31 - 1

/**
 * The delimited protobuf exposition format of Prometheus: a `MetricFamily` after the other, each after its length.
 *
 * Fields are written where they are 0, too: to readers of proto2 one that is not there is not 0 but unset.
 */
export class ProtobufWriter {
  readonly #writer = new BinaryWriter()
  #name = ''
  #help = ''
  #unit: string | undefined
  #type: PrometheusType = 'unknown'
  /** What is finished of the family: in pieces, since to put all of a large one together would take long. */
  #pieces: Uint8Array[] = []
  #bytes = 0
  #inPiece = 0

  /**
   * Begins a family; one that gets no metric is not written. A unit that is not the end of the name is left out, since
   * Prometheus 3 refuses the whole scrape for it.
   *
   * @param unit as a word
   */
  begin(name: string, help: string, unit: string | undefined, type: PrometheusType): void {
    this.#name = name
    this.#help = help
    this.#unit = unit !== undefined && isUnitOf(name, unit, type) ? unit : undefined
    this.#type = type
  }

  counter(labels: LabelPairs, value: number, createdUnixMicros: number, exemplar?: PrometheusExemplar): void {
    this.#metric(labels)
    this.#message(METRIC.counter)
    this.#double(COUNTER.value, value)
    if (exemplar !== undefined) this.#exemplar(COUNTER.exemplar, exemplar)
    this.#timestamp(COUNTER.created, createdUnixMicros)
    this.#endMetric()
  }

  /** Of a family of gauges, and of one of unknown type. */
  gauge(labels: LabelPairs, value: number): void {
    this.#metric(labels)
    this.#message(this.#type === 'unknown' ? METRIC.untyped : METRIC.gauge)
    this.#double(GAUGE.value, value)
    this.#endMetric()
  }

  /**
   * A classic histogram. Prometheus reads a sum that is not there as 0.
   *
   * @param counts of each bucket alone; one more than bounds, the last is above them all
   * @param exemplars of each bucket the latest is written
   */
  histogram(
    labels: LabelPairs,
    bounds: readonly number[],
    counts: ArrayLike<number>,
    sum: number | undefined,
    createdUnixMicros: number,
    exemplars: readonly PrometheusExemplar[] = [],
  ): void {
    const latest = latestByBucket(bounds, exemplars)
    let count = 0
    for (let i = 0; i <= bounds.length; i++) count += counts[i]!
    this.#metric(labels)
    this.#message(METRIC.histogram)
    this.#count(HISTOGRAM.count, count)
    if (sum !== undefined) this.#double(HISTOGRAM.sum, sum)
    let cumulative = 0
    for (let i = 0; i < bounds.length; i++) {
      cumulative += counts[i]!
      this.#bucket(cumulative, bounds[i]!, latest?.[i])
    }
    // The last bucket says no more than the count: readers add it. Only its exemplar has no other place.
    const aboveAll = latest?.[bounds.length]
    if (aboveAll !== undefined) this.#bucket(count, Number.POSITIVE_INFINITY, aboveAll)
    this.#timestamp(HISTOGRAM.created, createdUnixMicros)
    this.#endMetric()
  }

  /**
   * A native histogram. Not for a family that has classic ones: Prometheus takes all of a family for what the first of them
   * is.
   */
  nativeHistogram(
    labels: LabelPairs,
    value: NativeHistogram,
    createdUnixMicros: number,
    exemplars: readonly PrometheusExemplar[] = [],
  ): void {
    this.#metric(labels)
    this.#message(METRIC.histogram)
    this.#count(HISTOGRAM.count, value.count)
    this.#double(HISTOGRAM.sum, value.sum)
    this.#writer.tag(HISTOGRAM.schema, WireType.Varint).sint32(value.schema)
    this.#double(HISTOGRAM.zeroThreshold, value.zeroThreshold)
    this.#count(HISTOGRAM.zeroCount, value.zeroCount)
    this.#buckets(NEGATIVE, value.negative)
    this.#buckets(POSITIVE, isTakenForClassic(value) ? NO_BUCKETS_AT_ALL : value.positive)
    this.#timestamp(HISTOGRAM.created, createdUnixMicros)
    for (const exemplar of exemplars) this.#exemplar(HISTOGRAM.exemplar, exemplar)
    this.#endMetric()
  }

  /** Ends the family: its length and its message, in pieces; none when it has no metric. */
  end(): readonly Uint8Array[] {
    this.#endPiece()
    const pieces = this.#pieces
    const length = this.#bytes
    this.#pieces = []
    this.#bytes = 0
    return pieces.length === 0 ? [] : [this.#writer.uint32(length).finish(), ...pieces]
  }

  #metric(labels: LabelPairs): void {
    if (this.#pieces.length === 0 && this.#inPiece === 0) {
      this.#string(FAMILY.name, this.#name)
      this.#string(FAMILY.help, this.#help)
      this.#writer.tag(FAMILY.type, WireType.Varint).uint32(TYPES[this.#type])
      if (this.#unit !== undefined) this.#string(FAMILY.unit, this.#unit)
    }
    this.#message(FAMILY.metric)
    this.#labels(METRIC.label, labels)
  }

  /** Of the message of its kind, and of the metric. */
  #endMetric(): void {
    this.#writer.join().join()
    this.#inPiece++
    if (this.#inPiece === METRICS_IN_PIECE) this.#endPiece()
  }

  #endPiece(): void {
    if (this.#inPiece === 0) return
    const piece = this.#writer.finish()
    this.#pieces.push(piece)
    this.#bytes += piece.length
    this.#inPiece = 0
  }

  #labels(field: number, labels: LabelPairs): void {
    for (const [name, value] of labels) {
      this.#message(field)
      this.#string(LABEL.name, name)
      this.#string(LABEL.value, value)
      this.#writer.join()
    }
  }

  #bucket(cumulativeCount: number, upperBound: number, exemplar: PrometheusExemplar | undefined): void {
    this.#message(HISTOGRAM.bucket)
    this.#count(BUCKET.cumulativeCount, cumulativeCount)
    this.#double(BUCKET.upperBound, upperBound)
    if (exemplar !== undefined) this.#exemplar(BUCKET.exemplar, exemplar)
    this.#writer.join()
  }

  /** Deltas are not packed: metrics.proto is proto2, and does not ask for it. */
  #buckets(fields: typeof POSITIVE | typeof NEGATIVE, { spans, deltas }: NativeBuckets): void {
    for (const { offset, length } of spans) {
      this.#message(fields.span)
      this.#writer
        .tag(SPAN.offset, WireType.Varint)
        .sint32(offset)
        .tag(SPAN.length, WireType.Varint)
        .uint32(length)
        .join()
    }
    for (const delta of deltas) {
      this.#writer.tag(fields.delta, WireType.Varint)
      // The same bytes, without a detour by bigint.
      if (Math.abs(delta) <= MAX_INT32) this.#writer.sint32(delta)
      else this.#writer.sint64(delta)
    }
  }

  #exemplar(field: number, { labels, value, timestampSeconds }: PrometheusExemplar): void {
    this.#message(field)
    this.#labels(EXEMPLAR.label, labels)
    this.#double(EXEMPLAR.value, value)
    // A number of seconds that is as long as today's is not exact to a nanosecond.
    this.#timestamp(EXEMPLAR.timestamp, Math.round(timestampSeconds * 1e6))
    this.#writer.join()
  }

  #timestamp(field: number, unixMicros: number): void {
    const seconds = Math.floor(unixMicros / 1e6)
    const nanos = Math.round((unixMicros - seconds * 1e6) * 1e3)
    this.#message(field)
    this.#count(TIMESTAMP.seconds, seconds)
    this.#count(TIMESTAMP.nanos, nanos)
    this.#writer.join()
  }

  #string(field: number, value: string): void {
    this.#writer.tag(field, WireType.LengthDelimited).string(value)
  }

  #double(field: number, value: number): void {
    this.#writer.tag(field, WireType.Bit64).double(value)
  }

  #count(field: number, value: number): void {
    this.#writer.tag(field, WireType.Varint)
    // The same bytes, without a detour by bigint.
    if (value <= MAX_UINT32) this.#writer.uint32(value)
    else this.#writer.uint64(value)
  }

  /** A message in a field: until the `join` that goes with it. */
  #message(field: number): void {
    this.#writer.tag(field, WireType.LengthDelimited).fork()
  }
}

function isTakenForClassic({ zeroThreshold, zeroCount, positive, negative }: NativeHistogram): boolean {
  return zeroThreshold === 0 && zeroCount === 0 && positive.spans.length === 0 && negative.spans.length === 0
}

/** Prometheus looks for the unit of a counter before `_total`. */
function isUnitOf(name: string, unit: string, type: PrometheusType): boolean {
  const base = type === 'counter' && name.endsWith('_total') ? name.slice(0, -'_total'.length) : name
  return base.endsWith(`_${unit}`)
}

/** By the index of its bucket; of several at the same time the last. */
function latestByBucket(
  bounds: readonly number[],
  exemplars: readonly PrometheusExemplar[],
): readonly (PrometheusExemplar | undefined)[] | undefined {
  if (exemplars.length === 0) return undefined
  const latest: (PrometheusExemplar | undefined)[] = []
  for (const exemplar of exemplars) {
    const found = bounds.findIndex((bound) => exemplar.value <= bound)
    const index = found < 0 ? bounds.length : found
    const other = latest[index]
    if (other === undefined || exemplar.timestampSeconds >= other.timestampSeconds) latest[index] = exemplar
  }
  return latest
}
