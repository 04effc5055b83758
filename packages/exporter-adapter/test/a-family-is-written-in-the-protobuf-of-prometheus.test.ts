import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NativeHistogram } from '../src/prometheus/native-histogram.ts'
import { type PrometheusExemplar, type PrometheusType, ProtobufWriter } from '../src/prometheus/protobuf-writer.ts'
import { type DecodedFamily, decodeFamilies } from './support/prometheus-protobuf.ts'

const CREATED_MICROS = 1_764_000_000_123_456
const CREATED = { seconds: 1_764_000_000, nanos: 123_456_000 }
const NONE = { spans: [], deltas: [] }

function family(type: PrometheusType, write: (writer: ProtobufWriter) => void, name = 'x', unit?: string) {
  const writer = new ProtobufWriter()
  writer.begin(name, 'What it is', unit, type)
  write(writer)
  const families = decodeFamilies(Buffer.concat(writer.end()))
  expect(families).toHaveLength(1)
  return families[0]!
}

function histogramOf({ metric }: DecodedFamily) {
  expect(metric).toHaveLength(1)
  return metric[0]!.histogram!
}

const exemplarOf = (value: number, timestampSeconds = 1): PrometheusExemplar => ({
  labels: [['trace_id', `of ${value}`]],
  value,
  timestampSeconds,
})

const anyText = fc.string({ unit: 'binary' })
const anyLabels = fc.array(fc.tuple(anyText, anyText), { maxLength: 5 })
const anyCount = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 0, max: 2 ** 52 }),
  fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 32),
)
const anyDouble = fc.double()
const anyMicros = fc.integer({ min: 0, max: 4e15 })

describe('a family', () => {
  test('has its name, help, unit and type', () => {
    const decoded = family('gauge', (writer) => writer.gauge([], 1), 'length_meters', 'meters')
    expect(decoded).toMatchObject({ name: 'length_meters', help: 'What it is', unit: 'meters', type: 1 })
  })

  test('that has no metric is not written', () => {
    const writer = new ProtobufWriter()
    writer.begin('x', '', undefined, 'gauge')
    expect(writer.end()).toEqual([])
  })

  test('ends where its length says, and the next one begins', () => {
    const writer = new ProtobufWriter()
    const messages: Uint8Array[] = []
    writer.begin('first', 'a'.repeat(300), undefined, 'gauge')
    for (let i = 0; i < 100; i++) writer.gauge([['i', `${i}`]], i)
    messages.push(...writer.end())
    writer.begin('nothing', '', undefined, 'gauge')
    expect(writer.end()).toEqual([])
    writer.begin('second', '', undefined, 'counter')
    writer.counter([], 2, CREATED_MICROS)
    messages.push(...writer.end())

    const decoded = decodeFamilies(Buffer.concat(messages))
    expect(decoded.map(({ name, type, metric }) => [name, type, metric.length])).toEqual([
      ['first', 1, 100],
      ['second', 0, 1],
    ])
    expect(decoded[0]!.metric.map(({ gauge }) => gauge!.value)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  test.each([
    ['counter', 'wait_seconds_total', 'seconds', 'seconds'],
    ['counter', 'wait_seconds', 'seconds', 'seconds'],
    ['counter', 'wait_total', 'seconds', undefined],
    ['gauge', 'wait_seconds_total', 'seconds', undefined],
    ['gauge', 'milliseconds', 'seconds', undefined],
    ['gauge', 'seconds', 'seconds', undefined],
  ] as const)('of type %s and name %s that has the unit %s says that it is %s', (type, name, unit, said) => {
    const decoded = family(type, (writer) => writer.gauge([], 1), name, unit)
    expect(decoded.unit).toBe(said)
  })

  test('keeps every label and every double, whatever is in them', () => {
    fc.assert(
      fc.property(anyLabels, anyDouble, (labels, value) => {
        const [metric] = family('gauge', (writer) => writer.gauge(labels, value)).metric
        expect(metric!.label.map(({ name, value: text }) => [name, text])).toEqual(
          labels.map((pair) => pair.map((each) => each.toWellFormed())),
        )
        expect(metric!.gauge!.value).toBe(value)
      }),
      {
        examples: [
          [[['größe', '日本 🚰']], -0],
          [[['broken', '\ud800']], Number.NaN],
          [[], Number.MIN_VALUE],
        ],
      },
    )
  })

  test('of unknown type has untyped metrics', () => {
    const decoded = family('unknown', (writer) => writer.gauge([], 3))
    expect(decoded).toMatchObject({ type: 3, metric: [{ untyped: { value: 3 } }] })
    expect(decoded.metric[0]!.gauge).toBeUndefined()
  })
})

describe('a counter', () => {
  test('has its value, its exemplar and when it was created', () => {
    const exemplar = { labels: [['trace_id', 'abc']] as const, value: 0.5, timestampSeconds: 1_764_000_001.000_001 }
    expect(family('counter', (writer) => writer.counter([['a', 'b']], 2.5, CREATED_MICROS, exemplar))).toEqual({
      name: 'x',
      help: 'What it is',
      type: 0,
      metric: [
        {
          label: [{ name: 'a', value: 'b' }],
          counter: {
            value: 2.5,
            exemplar: {
              label: [{ name: 'trace_id', value: 'abc' }],
              value: 0.5,
              timestamp: { seconds: 1_764_000_001, nanos: 1000 },
            },
            created_timestamp: CREATED,
          },
        },
      ],
    })
  })

  test('keeps every µs of a time, of its own and of its exemplar', () => {
    fc.assert(
      fc.property(anyMicros, (micros) => {
        const exemplar = { labels: [], value: 1, timestampSeconds: micros / 1e6 }
        const { counter } = family('counter', (writer) => writer.counter([], 1, micros, exemplar)).metric[0]!
        const time = { seconds: Math.floor(micros / 1e6), nanos: (micros % 1e6) * 1000 }
        expect(counter!.created_timestamp).toEqual(time)
        expect(counter!.exemplar!.timestamp).toEqual(time)
      }),
      // As seconds and back it comes to a little less.
      { examples: [[2_200_000_000_000_003]] },
    )
  })
})

describe('a classic histogram', () => {
  const written = (sum: number | undefined, exemplars?: readonly PrometheusExemplar[]) =>
    histogramOf(
      family('histogram', (writer) => writer.histogram([], [1, 5], [2, 0, 3], sum, CREATED_MICROS, exemplars)),
    )

  test('has cumulative buckets, and the last one is its count', () => {
    expect(written(40.5)).toMatchObject({
      sample_count: 5,
      sample_sum: 40.5,
      bucket: [
        { cumulative_count: 2, upper_bound: 1 },
        { cumulative_count: 2, upper_bound: 5 },
      ],
      created_timestamp: CREATED,
    })
  })

  test('has nothing that makes it a native one', () => {
    const { schema, zero_threshold, zero_count, positive_span, negative_span } = written(1)
    expect({ schema, zero_threshold, zero_count }).toEqual({})
    expect([...positive_span, ...negative_span]).toEqual([])
  })

  test('that has no sum says none', () => {
    expect(written(undefined)).not.toHaveProperty('sample_sum')
  })

  test('has each exemplar in the bucket that its value is in, and a last bucket for those above all bounds', () => {
    const { bucket } = written(1, [exemplarOf(9), exemplarOf(1), exemplarOf(1.1)])
    expect(bucket.map(({ upper_bound, exemplar }) => [upper_bound, exemplar!.value])).toEqual([
      [1, 1],
      [5, 1.1],
      [Number.POSITIVE_INFINITY, 9],
    ])
    expect(bucket[2]!.cumulative_count).toBe(5)
  })

  test('has the latest exemplar of a bucket, and of several at the same time the last', () => {
    const { bucket } = written(1, [exemplarOf(2, 7), exemplarOf(3, 7), exemplarOf(4, 6)])
    expect(bucket.map(({ exemplar }) => exemplar?.value)).toEqual([undefined, 3])
  })

  test('keeps counts beyond 2^32 exact', () => {
    fc.assert(
      fc.property(fc.array(anyCount, { minLength: 1, maxLength: 3 }), (counts) => {
        // Three of at most 2^52 may come to more than 2^53.
        fc.pre(Number.isSafeInteger(counts.reduce((a, b) => a + b, 0)))
        const bounds = counts.slice(1).map((_, i) => i)
        const decoded = histogramOf(
          family('histogram', (writer) => writer.histogram([], bounds, Float64Array.from(counts), 0, 0)),
        )
        const cumulative = counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b, 0))
        expect([...decoded.bucket.map((each) => each.cumulative_count), decoded.sample_count]).toEqual(cumulative)
      }),
    )
  })
})

describe('a native histogram', () => {
  const native = (parts: Partial<NativeHistogram>): NativeHistogram => ({
    schema: 3,
    zeroThreshold: 1e-128,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positive: NONE,
    negative: NONE,
    ...parts,
  })
  const written = (value: NativeHistogram, exemplars?: readonly PrometheusExemplar[]) =>
    histogramOf(family('histogram', (writer) => writer.nativeHistogram([], value, CREATED_MICROS, exemplars)))

  test('has all that it is made of, and no classic buckets', () => {
    const anyBuckets = fc.record({
      spans: fc.array(
        fc.record({
          offset: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
          length: fc.integer({ min: 1, max: 2 ** 31 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      deltas: fc.array(
        fc.oneof(
          fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
          fc.constantFrom(2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, -(2 ** 31), 0, -1),
        ),
      ),
    })
    const anyNative = fc.record({
      schema: fc.integer({ min: -4, max: 8 }),
      zeroThreshold: fc.double({ min: 0, noNaN: true }),
      zeroCount: anyCount,
      count: anyCount,
      sum: anyDouble,
      positive: anyBuckets,
      negative: anyBuckets,
    })
    fc.assert(
      fc.property(anyNative, (value) => {
        expect(written(value)).toEqual({
          sample_count: value.count,
          sample_sum: value.sum,
          bucket: [],
          schema: value.schema,
          zero_threshold: value.zeroThreshold,
          zero_count: value.zeroCount,
          negative_span: value.negative.spans,
          negative_delta: value.negative.deltas,
          positive_span: value.positive.spans,
          positive_delta: value.positive.deltas,
          created_timestamp: CREATED,
          exemplars: [],
        })
      }),
    )
  })

  test('has all of its exemplars', () => {
    const { exemplars } = written(native({}), [exemplarOf(3, 9), exemplarOf(-2, 7.5)])
    expect(exemplars).toEqual([
      { label: [{ name: 'trace_id', value: 'of 3' }], value: 3, timestamp: { seconds: 9, nanos: 0 } },
      { label: [{ name: 'trace_id', value: 'of -2' }], value: -2, timestamp: { seconds: 7, nanos: 500_000_000 } },
    ])
  })

  test('that is empty and has a zero threshold is known by that', () => {
    const { zero_threshold, positive_span } = written(native({}))
    expect({ zero_threshold, positive_span }).toEqual({ zero_threshold: 1e-128, positive_span: [] })
  })

  test('that is empty and has none is known by a span of nothing', () => {
    expect(written(native({ zeroThreshold: 0 }))).toMatchObject({
      positive_span: [{ offset: 0, length: 0 }],
      positive_delta: [],
      negative_span: [],
    })
  })

  test('that has no zero threshold but a count of zeroes needs no such span', () => {
    expect(written(native({ zeroThreshold: 0, zeroCount: 1, count: 1 })).positive_span).toEqual([])
  })
})
