import { type Attributes, context, diag, type HrTime, TraceFlags, trace, ValueType } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  type CollectionResult,
  DataPointType,
  InstrumentType,
  MeterProvider,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, type InstrumentationScope, MetricsBuffer } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { attributeText } from '../src/prometheus/attribute-text.ts'
import { translateName } from '../src/prometheus/names.ts'
import { type DecodedFamily, decodeFamilies } from './support/prometheus-protobuf.ts'
import { type ParsedFamily, parseText } from './support/prometheus-text.ts'
import { OPENMETRICS, PROTOBUF, served, UTF8 } from './support/scraped.ts'

/**
 * What the OpenTelemetry specification says of Prometheus exporters and no other test here shows: "Metrics Exporter -
 * Prometheus" and "OTLP Metric points to Prometheus" of 2026-08-19. docs/prometheus.md has the whole list.
 */

const START: HrTime = [1_700_000_000, 0]
const EMPTY_BUCKETS = { offset: 0, bucketCounts: [] }

let log: string[]
beforeEach(() => {
  log = diagLog()
})

afterEach(() => {
  vi.unstubAllEnvs()
  diag.disable()
})

/** Gives what it is told to, as of any source that is not the SDK. */
class ScriptedProducer implements MetricProducer {
  scopeMetrics: { scope: InstrumentationScope; metrics: MetricData[] }[] = []

  async collect(): Promise<CollectionResult> {
    return { resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics: this.scopeMetrics }, errors: [] }
  }

  gives(name: string, dataPointType: DataPointType, value: unknown, { temporality = 1, startSeconds = 0 } = {}): void {
    const startTime: HrTime = [START[0] + startSeconds, 0]
    const metric = {
      descriptor: { name, description: '', unit: '', valueType: ValueType.DOUBLE },
      aggregationTemporality: temporality,
      dataPointType,
      dataPoints: [{ startTime, endTime: [startTime[0] + 1, 0], attributes: {}, value }],
      isMonotonic: true,
    } as unknown as MetricData
    this.scopeMetrics.push({ scope: { name: 'producer' }, metrics: [metric] })
  }
}

type Served = Awaited<ReturnType<typeof served>>

async function textOf({ scrape }: Served, accept?: string): Promise<Map<string, ParsedFamily>> {
  return parseText((await scrape(accept)).text, accept?.startsWith(OPENMETRICS))
}

async function protobufOf({ scrape }: Served): Promise<Map<string, DecodedFamily>> {
  const families = decodeFamilies((await scrape(PROTOBUF)).body)
  const byName = new Map(families.map((family) => [family.name!, family]))
  expect(byName.size, 'no name comes twice').toBe(families.length)
  return byName
}

/** What a span of this id has around it. */
function inSpan(id: string, work: () => void): void {
  const span = { traceId: id.repeat(32), spanId: id.repeat(16), traceFlags: TraceFlags.SAMPLED }
  context.with(trace.setSpan(context.active(), trace.wrapSpanContext(span)), work)
}

function withContexts(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  onTestFinished(() => context.disable())
}

describe('the exporter', () => {
  test('is at localhost, port 9464, unless it is told otherwise', async () => {
    vi.stubEnv('OTEL_EXPORTER_PROMETHEUS_HOST', '')
    vi.stubEnv('OTEL_EXPORTER_PROMETHEUS_PORT', '')
    // Without a server, ready says where it would have been: the port may be taken here.
    const endpoint = new PrometheusEndpoint({ server: false })
    const provider = new MeterProvider({ readers: [new BufferingMetricReader({ adapters: [endpoint] })] })
    expect(await endpoint.ready).toEqual({ host: 'localhost', port: 9464 })
    await provider.shutdown()
  })

  test('wants everything cumulative, and in the default aggregation', () => {
    const endpoint = new PrometheusEndpoint({ server: false })
    for (const kind of Object.values(InstrumentType)) {
      expect(endpoint.selectAggregationTemporality(kind), kind).toBe(AggregationTemporality.CUMULATIVE)
      expect(endpoint.selectAggregation(kind), kind).toEqual({ type: AggregationType.DEFAULT })
    }
  })

  test('has the aggregation that is chosen for a kind', async () => {
    const pipeline = await served({
      aggregationSelector: (kind) =>
        kind === InstrumentType.HISTOGRAM ? { type: AggregationType.SUM } : { type: AggregationType.DEFAULT },
    })
    pipeline.provider.getMeter('sdk').createHistogram('of.sdk').record(3)
    pipeline.meter.createHistogram('of.buffer').record(4)
    const families = await textOf(pipeline)
    expect(families.get('of_sdk_total')).toMatchObject({ type: 'counter', samples: [{ value: 3 }] })
    expect(families.get('of_buffer_total')).toMatchObject({ type: 'counter', samples: [{ value: 4 }] })
  })

  test('gives no point a timestamp', async () => {
    const pipeline = await served()
    pipeline.meter.createCounter('c').add(1)
    pipeline.meter.createHistogram('h').record(1)
    for (const accept of [undefined, UTF8, OPENMETRICS]) {
      const lines = (await pipeline.scrape(accept)).text.split('\n').filter((line) => /^[ch]_/.test(line))
      expect(lines.length).toBeGreaterThan(3)
      for (const line of lines) expect(line).toMatch(/^[a-z_]+\{[^ ]*\} [0-9.]+$/)
    }
    // The decoder knows of no timestamp of a metric, and refuses what it does not know.
    expect((await protobufOf(pipeline)).size).toBe(3)
  })

  test.each([
    'application/openmetrics-protobuf;version=1.0.0',
    'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  ])('has text 0.0.4 for who asks for %s', async (accept) => {
    const { scrape } = await served()
    expect((await scrape(accept)).headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4;/)
  })

  test.each([
    ['UnderscoreEscapingWithSuffixes', 'foo_bar_bytes_total', 'foo_bar_bytes_total', 'foo_baz'],
    ['UnderscoreEscapingWithoutSuffixes', 'foo_bar', 'foo_bar', 'foo_baz'],
    ['NoUTF8EscapingWithSuffixes', 'foo_bar_bytes_total', 'foo.bar_bytes_total', 'foo.baz'],
    ['NoTranslation', 'foo_bar', 'foo.bar', 'foo.baz'],
  ] as const)('by %s says %s, and %s to who allows UTF-8', async (translationStrategy, classic, utf8, utf8Label) => {
    const pipeline = await served({ translationStrategy })
    pipeline.meter.createCounter('foo.bar', { unit: 'By' }).add(1, { 'foo.baz': 'x' })
    const named = async (accept?: string) =>
      [...(await textOf(pipeline, accept)).values()].find(({ name }) => name.startsWith('foo'))!.samples[0]!
    for (const accept of [undefined, 'text/plain;version=1.0.0', 'text/plain;version=1.0.0;escaping=underscores']) {
      expect(await named(accept)).toMatchObject({ name: classic, labels: { foo_baz: 'x' } })
    }
    expect(await named(UTF8)).toMatchObject({ name: utf8, labels: { [utf8Label]: 'x' } })
  })
})

describe('metadata', () => {
  test('has TYPE and HELP in every format, and UNIT where the format knows of it', async () => {
    const pipeline = await served()
    pipeline.meter.createHistogram('time', { unit: 's', description: 'How long.' }).record(1)
    const expected = { type: 'histogram', help: 'How long.' }
    expect((await textOf(pipeline)).get('time_seconds')).toMatchObject({ ...expected, unit: undefined })
    expect((await textOf(pipeline, OPENMETRICS)).get('time_seconds')).toMatchObject({ ...expected, unit: 'seconds' })
    const family = (await protobufOf(pipeline)).get('time_seconds')
    expect(family).toMatchObject({ type: 4, help: 'How long.', unit: 'seconds' })
  })

  test('comes once for a name in every format, and a metric of another type is not there at all', async () => {
    const pipeline = await served()
    const { meter } = pipeline
    meter.createCounter('a', { unit: 's', description: 'one' }).add(1, { n: 1 })
    meter.createCounter('a.seconds', { unit: 's', description: 'two' }).add(2, { n: 2 })
    meter.createGauge('a.seconds.total', { description: 'three' }).record(99, { n: 3 })
    const numbers = [1, 2]
    // The parsers throw for a name, or a comment of it, that comes twice.
    expect((await textOf(pipeline)).get('a_seconds_total')!.samples.map(({ value }) => value)).toEqual(numbers)
    const { samples } = (await textOf(pipeline, OPENMETRICS)).get('a_seconds')!
    expect(samples.filter(({ name }) => name.endsWith('_total')).map(({ value }) => value)).toEqual(numbers)
    const { metric } = (await protobufOf(pipeline)).get('a_seconds_total')!
    expect(metric.map(({ counter }) => counter?.value)).toEqual(numbers)
    for (const what of ['several descriptions', 'is not exposed']) {
      expect(log.filter((line) => line.startsWith('warn') && line.includes(what))).not.toEqual([])
    }
  })

  test('keeps the one unit that there is, of metrics that come to one name', async () => {
    const pipeline = await served()
    pipeline.meter.createHistogram('a.seconds').record(1, { n: 1 })
    pipeline.meter.createHistogram('a_seconds', { unit: 's' }).record(1, { n: 2 })
    expect((await textOf(pipeline, OPENMETRICS)).get('a_seconds')!.unit).toBe('seconds')
  })

  test('has no _ twice in a row, neither before a unit nor before _total', () => {
    for (const [name, unit] of [
      ['a.', ''],
      ['a.', 's'],
      ['a..b.', ''],
    ] as const) {
      const { base, counterSuffix } = translateName(name, unit, true, 'UnderscoreEscapingWithSuffixes')
      expect(base + counterSuffix).not.toContain('__')
    }
  })
})

describe('the scope', () => {
  const scope = {
    name: 'shop',
    version: '1.2',
    schemaUrl: 'https://example.com/1',
    attributes: { team: 'blue', 'a.b': 7, name: 'x', version: 'x', 'schema.url': 'x', '.name': 'x' },
  }
  const expected = {
    otel_scope_name: 'shop',
    otel_scope_version: '1.2',
    otel_scope_schema_url: 'https://example.com/1',
    otel_scope_team: 'blue',
  }

  test('has its name, version and schema URL as labels of every point', async () => {
    const pipeline = await served()
    for (const meters of [pipeline.provider, pipeline.reader.buffer]) {
      const meter = meters.getMeter('shop', '1.2', { schemaUrl: 'https://example.com/1' })
      const kind = meters === pipeline.provider ? 'sdk' : 'buffer'
      meter.createCounter(`${kind}.counter`).add(1)
      meter.createHistogram(`${kind}.histogram`).record(1)
    }
    const { otel_scope_name, otel_scope_version, otel_scope_schema_url } = expected
    const samples = [...(await textOf(pipeline)).values()]
      .filter(({ name }) => /^(sdk|buffer)_/.test(name))
      .flatMap((family) => family.samples)
    expect(samples.length).toBeGreaterThan(4)
    for (const { labels } of samples)
      expect(labels).toMatchObject({ otel_scope_name, otel_scope_version, otel_scope_schema_url })
  })

  test.each([
    ['UnderscoreEscapingWithSuffixes', 'text/plain', { otel_scope_a_b: '7' }],
    ['UnderscoreEscapingWithSuffixes', UTF8, { otel_scope_a_b: '7' }],
    ['NoTranslation', 'text/plain', { otel_scope_a_b: '7', otel_scope__name: 'x' }],
    ['NoTranslation', UTF8, { 'otel_scope_a.b': '7', 'otel_scope_.name': 'x', 'otel_scope_schema.url': 'x' }],
  ] as const)(
    'has its attributes, too, but those that come to the same labels, by %s for %s',
    async (translationStrategy, accept, others) => {
      const producer = new ScriptedProducer()
      producer.gives('produced', DataPointType.GAUGE, 1)
      producer.scopeMetrics[0]!.scope = scope
      const pipeline = await served({ translationStrategy, reader: { metricProducers: [producer] } })
      expect((await textOf(pipeline, accept)).get('produced')!.samples[0]!.labels).toEqual({ ...expected, ...others })
    },
  )

  test('of a point is its own, also where scopes differ in attributes only', async () => {
    const producer = new ScriptedProducer()
    for (const [team, value] of [
      ['blue', 1],
      ['red', 2],
    ] as const) {
      producer.gives('produced', DataPointType.GAUGE, value)
      producer.scopeMetrics.at(-1)!.scope = { name: 'shop', attributes: { team } } as InstrumentationScope
    }
    const pipeline = await served({ reader: { metricProducers: [producer] } })
    const { samples } = (await textOf(pipeline)).get('produced')!
    expect(samples.map(({ labels, value }) => [labels.otel_scope_team, value])).toEqual([
      ['blue', 1],
      ['red', 2],
    ])
  })
})

describe('labels', () => {
  test('of the exporter are joined with attributes of the same key', async () => {
    const pipeline = await served()
    pipeline.meter.createCounter('c').add(1, { otel_scope_name: 'mine' })
    const { samples } = (await textOf(pipeline)).get('c_total')!
    expect(samples.map(({ labels }) => labels)).toEqual([{ otel_scope_name: 'mine;test' }])
  })

  test.each([
    ['as it is', 'as it is'],
    [true, 'true'],
    [42, '42'],
    [-1.5, '-1.5'],
    [1e300, '1e+300'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [undefined, ''],
    [null, ''],
    [Buffer.from('hello world'), 'aGVsbG8gd29ybGQ='],
    [[], '[]'],
    [['a', '"', null], '["a","\\"",null]'],
    [
      [1, Number.NEGATIVE_INFINITY, 'a', true, { nested: Uint8Array.from(Buffer.from('hello world')) }],
      '[1,"-Infinity","a",true,{"nested":"aGVsbG8gd29ybGQ="}]',
    ],
    [{ a: Number.NaN, b: 2, c: [3, null] }, '{"a":"NaN","b":2,"c":[3,null]}'],
  ])('have the value %j as %s', (value, text) => {
    expect(attributeText(value)).toBe(text)
  })
})

describe('a point', () => {
  test('of a sum that may fall, and of a gauge, is one of a gauge, and has no exemplar', async () => {
    withContexts()
    const buffer = new MetricsBuffer({ exemplarFilter: 'always_on' })
    const pipeline = await served({ reader: { buffer } })
    inSpan('a', () => {
      pipeline.meter.createUpDownCounter('up.down').add(-3)
      pipeline.meter.createGauge('gauge').record(4)
      pipeline.meter.createCounter('counter').add(5)
    })
    const { text } = await pipeline.scrape(OPENMETRICS)
    const families = parseText(text, true)
    expect(families.get('up_down')).toMatchObject({ type: 'gauge', samples: [{ value: -3 }] })
    expect(families.get('gauge')).toMatchObject({ type: 'gauge', samples: [{ value: 4 }] })
    // That of the counter.
    expect(text.match(/trace_id/g)).toHaveLength(1)
    const protobuf = await protobufOf(pipeline)
    expect(protobuf.get('up_down')).toMatchObject({ type: 1, metric: [{ gauge: { value: -3 } }] })
    expect(JSON.stringify([...protobuf.values()]).match(/trace_id/g)).toHaveLength(1)
  })

  test('of a counter and of a histogram says since when, where the format can', async () => {
    const fromSeconds = Date.now() / 1000
    const pipeline = await served()
    pipeline.meter.createCounter('c').add(1)
    pipeline.meter.createHistogram('h').record(1)
    const openMetrics = [...(await textOf(pipeline, OPENMETRICS)).values()].flatMap(({ samples }) => samples)
    const created = openMetrics.filter(({ name }) => name.endsWith('_created'))
    expect(created.map(({ name }) => name)).toEqual(['c_created', 'h_created'])
    for (const { value } of created) {
      expect(value).toBeGreaterThan(fromSeconds - 1)
      expect(value).toBeLessThan(Date.now() / 1000 + 1)
    }
    const protobuf = await protobufOf(pipeline)
    const [c, h] = ['c_total', 'h'].map((name) => protobuf.get(name)!.metric[0]!)
    const stamps = [c!.counter!.created_timestamp!, h!.histogram!.created_timestamp!]
    stamps.forEach(({ seconds, nanos }, i) => {
      expect(seconds! + nanos! / 1e9).toBeCloseTo(created[i]!.value, 5)
    })
    expect((await pipeline.scrape()).text).not.toContain('_created')
  })

  test('of a histogram has buckets that add up, count and sum, and neither least nor most', async () => {
    const pipeline = await served()
    const histogram = pipeline.meter.createHistogram('h', { advice: { explicitBucketBoundaries: [1, 2] } })
    for (const value of [0.5, 1, 1.5, 7]) histogram.record(value)
    const { samples } = (await textOf(pipeline)).get('h')!
    expect(samples.map(({ name, labels, value }) => [name, labels.le, value])).toEqual([
      ['h_bucket', '1', 2],
      ['h_bucket', '2', 3],
      ['h_bucket', '+Inf', 4],
      ['h_sum', undefined, 10],
      ['h_count', undefined, 4],
    ])
  })

  test.each([
    ['sum', DataPointType.SUM, 2, 'produced_total'],
    [
      'histogram',
      DataPointType.HISTOGRAM,
      { buckets: { boundaries: [1], counts: [1, 1] }, sum: 3, count: 2 },
      'produced_count',
    ],
    [
      'exponential histogram',
      DataPointType.EXPONENTIAL_HISTOGRAM,
      {
        count: 2,
        sum: 3,
        scale: 0,
        zeroCount: 0,
        positive: { offset: 0, bucketCounts: [1, 1] },
        negative: EMPTY_BUCKETS,
      },
      'produced_count',
    ],
  ])('of a delta %s adds to those before it, and is there since the first', async (_kind, type, value, name) => {
    const producer = new ScriptedProducer()
    const pipeline = await served({ reader: { metricProducers: [producer] } })
    const scraped = async (startSeconds: number) => {
      producer.scopeMetrics = []
      producer.gives('produced', type, value, { temporality: AggregationTemporality.DELTA, startSeconds })
      const { samples } = (await textOf(pipeline, OPENMETRICS)).get('produced')!
      const sampled = (wanted: string) => samples.find((sample) => sample.name === wanted)!.value
      return [sampled(name), sampled('produced_created')]
    }
    const [first, created] = await scraped(0)
    expect(first).toBe(2)
    expect(await scraped(1)).toEqual([4, created])
  })

  test('of an exponential histogram is native, and one that cannot be is left out, said and counted', async () => {
    const producer = new ScriptedProducer()
    const native = { count: 3, sum: 4, scale: 9, zeroCount: 1, positive: { offset: -1, bucketCounts: [1, 1] } }
    const point = (parts: object) => ({ ...native, negative: EMPTY_BUCKETS, ...parts })
    producer.gives('fine', DataPointType.EXPONENTIAL_HISTOGRAM, point({}))
    producer.gives('coarse', DataPointType.EXPONENTIAL_HISTOGRAM, point({ scale: -5 }))
    producer.gives('sumless', DataPointType.EXPONENTIAL_HISTOGRAM, point({ sum: undefined }))
    const pipeline = await served({ reader: { metricProducers: [producer] } })
    const families = await protobufOf(pipeline)
    expect(families.get('fine')!.metric[0]!.histogram).toMatchObject({
      sample_count: 3,
      sample_sum: 4,
      schema: 8,
      zero_threshold: 1e-128,
      zero_count: 1,
      bucket: [],
      // Two of scale 9 below and above 1, whose upper bounds are buckets 0 and 1 of scale 8.
      positive_span: [{ offset: 0, length: 2 }],
      positive_delta: [1, 0],
      negative_span: [],
    })
    expect([...families.keys()]).not.toContain('coarse')
    expect([...families.keys()]).not.toContain('sumless')
    const [dropped] = families.get('sluice_scrape_conflicts')!.metric
    expect(dropped).toMatchObject({ label: [{ name: 'kind', value: 'series_dropped' }], gauge: { value: 2 } })
    expect(log.filter((line) => line.includes('not exposed in protobuf'))).toHaveLength(2)
  })
})

describe('an exemplar', () => {
  const buffer = () =>
    new MetricsBuffer({
      exemplarFilter: 'always_on',
      views: [{ instrumentName: '*', attributesProcessors: [{ process: () => ({}) }] }],
    })
  const pairsOf = (attributes: Attributes) => Object.entries(attributes).map(([name, value]) => ({ name, value }))

  test('has its trace before attributes of that name, the others, its value and its time', async () => {
    withContexts()
    const pipeline = await served({ reader: { buffer: buffer() } })
    const fromSeconds = Date.now() / 1000
    inSpan('a', () => pipeline.meter.createCounter('c').add(3, { trace_id: 'mine', user: 'u' }))
    const ids = { trace_id: 'a'.repeat(32), span_id: 'a'.repeat(16) }
    const { exemplar } = (await textOf(pipeline, OPENMETRICS)).get('c')!.samples[0]!
    const [, labels, seconds] = /^\{(.*)\} 3 ([0-9.]+)$/.exec(exemplar!)!
    expect(labels).toBe(`trace_id="${ids.trace_id}",span_id="${ids.span_id}",user="u"`)
    expect(Number(seconds)).toBeGreaterThan(fromSeconds - 1)
    expect(Number(seconds)).toBeLessThan(Date.now() / 1000 + 1)
    const written = (await protobufOf(pipeline)).get('c_total')!.metric[0]!.counter!.exemplar!
    expect(written).toMatchObject({ label: pairsOf({ ...ids, user: 'u' }), value: 3 })
    expect(written.timestamp!.seconds! + written.timestamp!.nanos! / 1e9).toBeCloseTo(Number(seconds), 5)
  })

  test('has only its trace where the attributes would make it longer than 128 characters', async () => {
    withContexts()
    const pipeline = await served({ reader: { buffer: buffer() } })
    // trace_id and span_id with their values are 63.
    inSpan('a', () => pipeline.meter.createCounter('fits').add(1, { user: 'ü'.repeat(61) }))
    inSpan('b', () => pipeline.meter.createCounter('does.not').add(1, { user: 'ü'.repeat(62) }))
    const families = await textOf(pipeline, OPENMETRICS)
    expect(families.get('fits')!.samples[0]!.exemplar).toContain('user=')
    const { exemplar } = families.get('does_not')!.samples[0]!
    expect(exemplar).toContain(`{trace_id="${'b'.repeat(32)}",span_id="${'b'.repeat(16)}"}`)
  })

  test('has no NUL, which Prometheus reads in the labels of series only', async () => {
    const pipeline = await served({ translationStrategy: 'NoTranslation', reader: { buffer: buffer() } })
    pipeline.meter.createCounter('c_total').add(1, { 'a\0b': 'c\0\x01' })
    const { exemplar } = (await textOf(pipeline, `${OPENMETRICS};escaping=allow-utf-8`)).get('c')!.samples[0]!
    expect(exemplar).toContain('{a_b="c\ufffd\x01"} 1 ')
  })

  test('is the latest of series that are exposed as one', async () => {
    withContexts()
    const pipeline = await served({ scopeInfoEnabled: false, reader: { buffer: buffer() } })
    let nowMillis = Date.now()
    vi.spyOn(Date, 'now').mockImplementation(() => nowMillis)
    onTestFinished(() => void vi.restoreAllMocks())
    for (const [id, laterMillis] of [
      ['a', 0],
      ['b', 2],
      ['c', 1],
    ] as const) {
      nowMillis += laterMillis
      inSpan(id, () => pipeline.reader.buffer.getMeter(id).createCounter('c').add(1))
      nowMillis -= laterMillis
    }
    nowMillis += 10
    const [sample] = (await textOf(pipeline, OPENMETRICS)).get('c')!.samples
    expect(sample).toMatchObject({ value: 3, exemplar: expect.stringContaining('b'.repeat(32)) })
  })
})

describe('the resource', () => {
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'host.id': 'h' })
  const labels = { host_id: 'h', service_name: 'shop' }

  test('is in one target info with its attributes only, whatever metrics are called, and in no other series', async () => {
    const pipeline = await served({ provider: { resource } })
    pipeline.meter.createGauge('target.info').record(1, { not: 'of the resource' })
    pipeline.meter.createGauge('target').record(1, { not: 'of the resource' })
    pipeline.meter.createGauge('g').record(1)
    const text = await textOf(pipeline)
    expect(text.get('target_info')).toMatchObject({ type: 'gauge', samples: [{ labels, value: 1 }] })
    expect(text.get('g')!.samples[0]!.labels).toEqual({ otel_scope_name: 'test' })
    const openMetrics = await textOf(pipeline, OPENMETRICS)
    expect(openMetrics.get('target')!.type).toBe('info')
    expect([...openMetrics.values()].flatMap(({ samples }) => samples)).toContainEqual({
      name: 'target_info',
      labels,
      value: 1,
    })
    for (const families of [text, openMetrics]) {
      const infos = [...families.values()]
        .flatMap(({ samples }) => samples)
        .filter(({ name }) => name === 'target_info')
      expect(infos).toHaveLength(1)
    }
    const { type, metric } = (await protobufOf(pipeline)).get('target_info')!
    const pairs = Object.entries(labels).map(([name, value]) => ({ name, value }))
    expect([type, metric]).toMatchObject([1, [{ label: pairs, gauge: { value: 1 } }]])
  })

  test('that has no attributes has no target info', async () => {
    const pipeline = await served({ provider: { resource: resourceFromAttributes({}) } })
    expect((await pipeline.scrape()).text).not.toContain('target_info')
  })

  test('keeps in target info what all series have as labels', async () => {
    const pipeline = await served({ provider: { resource }, resourceConstantLabels: (key) => key !== 'host.id' })
    pipeline.meter.createGauge('g').record(1)
    const families = await textOf(pipeline)
    expect(families.get('g')!.samples[0]!.labels).toEqual({ otel_scope_name: 'test', service_name: 'shop' })
    expect(families.get('target_info')!.samples[0]!.labels).toEqual(labels)
  })
})
