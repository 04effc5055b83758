import { type Meter, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AcceptProxy } from '../support/accept-proxy.ts'
import { Application, exponential, MAKERS, type Maker, SERVICE } from '../support/application.ts'
import { describeWith } from '../support/installed.ts'
import { PrometheusServer } from '../support/prometheus-server.ts'
import { PROTOCOLS, type Protocol } from '../support/protocols.ts'

/** Increments per second of the counter that never rests. */
const RATE = 50
/** Scrapes come late on a busy machine: three seconds are seen as such to a fifth. */
const RATE_TOLERANCE = 0.2

const TRACE_ID = '0123456789abcdef0123456789abcdef'
const SPAN_ID = '0123456789abcdef'
const inSpan = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: TRACE_ID,
  spanId: SPAN_ID,
  traceFlags: TraceFlags.SAMPLED,
})

/** What each kind of instrument, with its unit, has to come back as. */
const EXPECTED: readonly {
  readonly kind: string
  readonly sample: string
  readonly labels?: string
  readonly value: number
  readonly type: 'counter' | 'gauge'
  readonly unit: string
}[] = [
  { kind: 'a counter', sample: 'requests_total', labels: 'route="/"', value: 3, type: 'counter', unit: '' },
  { kind: 'another series', sample: 'requests_total', labels: 'route="/b"', value: 4, type: 'counter', unit: '' },
  { kind: 'an UpDownCounter', sample: 'in_flight', value: -3, type: 'gauge', unit: '' },
  { kind: 'a gauge', sample: 'temperature_celsius', value: 21.5, type: 'gauge', unit: 'celsius' },
  { kind: 'an observable counter', sample: 'cpu_seconds_total', value: 12.5, type: 'counter', unit: 'seconds' },
  { kind: 'an observable UpDownCounter', sample: 'pool', value: -4, type: 'gauge', unit: '' },
  { kind: 'an observable gauge', sample: 'queue_bytes', value: 7, type: 'gauge', unit: 'bytes' },
]

function record(meter: Meter, prefix: Maker): void {
  const requests = meter.createCounter(`${prefix}.requests`, { unit: '{request}', description: 'What came "in"' })
  requests.add(3, { route: '/' }, inSpan)
  requests.add(4, { route: '/b' })
  const inFlight = meter.createUpDownCounter(`${prefix}.in_flight`)
  inFlight.add(2)
  inFlight.add(-5)
  meter.createGauge(`${prefix}.temperature`, { unit: 'Cel' }).record(21.5)
  meter.createObservableCounter(`${prefix}.cpu`, { unit: 's' }).addCallback((result) => result.observe(12.5))
  meter.createObservableUpDownCounter(`${prefix}.pool`).addCallback((result) => result.observe(-4))
  meter.createObservableGauge(`${prefix}.queue`, { unit: 'By' }).addCallback((result) => result.observe(7))
  const duration = meter.createHistogram(`${prefix}.duration`, {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.1, 1, 10] },
  })
  for (const seconds of [0.05, 0.5, 0.5, 0.5, 5]) duration.record(seconds, {}, inSpan)
  const latency = meter.createHistogram(`${prefix}.latency`, { unit: 'ms' })
  for (let millis = 1; millis <= 100; millis++) latency.record(millis)
}

/** Counts what time has passed, so that a tick that is late changes nothing. */
function countSteadily(meter: Meter, prefix: Maker): NodeJS.Timeout {
  const steps = meter.createCounter(`${prefix}.steps`)
  let last = performance.now()
  return setInterval(() => {
    const now = performance.now()
    steps.add(((now - last) / 1000) * RATE)
    last = now
  }, 20)
}

describeWith(['prometheus'], 'a real Prometheus', () => {
  const proxies = new Map<Protocol, AcceptProxy>()
  const timers: NodeJS.Timeout[] = []
  let application: Application
  let prometheus: PrometheusServer

  beforeAll(async () => {
    application = await Application.start({ views: MAKERS.map((maker) => exponential(`${maker}.latency`)) })
    for (const maker of MAKERS) {
      record(application.meter(maker), maker)
      timers.push(countSteadily(application.meter(maker), maker))
    }
    for (const protocol of PROTOCOLS) proxies.set(protocol, await AcceptProxy.start(application.url, protocol.accept))
    const targets = Object.fromEntries([...proxies].map(([{ name }, { url }]) => [name, url]))
    prometheus = await PrometheusServer.start({ targets })
    await prometheus.untilScraped(2)
  })
  afterAll(async () => {
    for (const timer of timers) clearInterval(timer)
    await prometheus?.stop()
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
    await application?.stop()
  })

  test('reads every scrape, and no series twice', async () => {
    expect((await prometheus.targets()).map(({ lastError }) => lastError)).toEqual(PROTOCOLS.map(() => ''))
    expect(await prometheus.samplesTooMany()).toEqual({})
    expect(await prometheus.ownMetric('prometheus_target_scrapes_sample_out_of_order_total')).toBe(0)
    expect(await prometheus.ownMetric('prometheus_target_scrapes_exemplar_out_of_order_total')).toBe(0)
  })

  describe.each(PROTOCOLS)('over $name', (protocol) => {
    const job = `job="${protocol.name}"`
    const metadataOf = async (family: string) =>
      (await prometheus.metadata(family)).filter(({ target }) => target.job === protocol.name)

    test('is answered in it', () => {
      expect(proxies.get(protocol)!.contentType).toMatch(protocol.contentType)
    })

    test('joins what the service is, by target_info', async () => {
      const joined = await prometheus.query(
        `sdk_requests_total{${job},route="/"} * on (job, instance) group_left(service_name, service_version) target_info`,
      )
      expect(joined).toMatchObject([
        { value: 3, labels: { service_name: SERVICE['service.name'], service_version: SERVICE['service.version'] } },
      ])
    })

    describe.each(MAKERS)('from the instruments of the %s', (maker) => {
      test.each(EXPECTED)(
        '$kind comes back with value, type and unit',
        async ({ sample, labels, value, type, unit }) => {
          const name = `${maker}_${sample}`
          const selector = [job, ...(labels === undefined ? [] : [labels])].join(',')
          expect(await prometheus.valueOf(`${name}{${selector}}`)).toBe(value)
          const family = type === 'counter' ? protocol.counterFamily(name) : name
          expect(await metadataOf(family)).toMatchObject([{ type, unit: protocol.hasUnits ? unit : '' }])
        },
      )

      test('a description comes back as it was', async () => {
        const family = protocol.counterFamily(`${maker}_requests_total`)
        expect(await metadataOf(family)).toMatchObject([{ help: 'What came "in"' }])
      })

      test('the scope comes back as labels', async () => {
        const [sample] = await prometheus.query(`${maker}_in_flight{${job}}`)
        expect(sample!.labels).toMatchObject({ otel_scope_name: `e2e-${maker}`, otel_scope_version: '1.0.0' })
      })

      test('an explicit histogram comes back with buckets, count and sum', async () => {
        const name = `${maker}_duration_seconds`
        const buckets = await prometheus.query(`${name}_bucket{${job}}`)
        // Texts differ in how they write 1: PromQL compares labels as they are written.
        const counts = buckets.map(({ labels, value }) => [Number(labels.le!.replace('+Inf', 'Infinity')), value])
        expect(counts.sort(([a], [b]) => a! - b!)).toEqual([
          [0.1, 1],
          [1, 4],
          [10, 5],
          [Number.POSITIVE_INFINITY, 5],
        ])
        expect(await prometheus.valueOf(`${name}_count{${job}}`)).toBe(5)
        expect(await prometheus.valueOf(`${name}_sum{${job}}`)).toBeCloseTo(6.55)
        expect(await metadataOf(name)).toMatchObject([{ type: 'histogram', unit: protocol.hasUnits ? 'seconds' : '' }])
      })

      test('a quantile of an explicit histogram lies in the bucket of the median', async () => {
        const median = await prometheus.valueOf(`histogram_quantile(0.5, ${maker}_duration_seconds_bucket{${job}})`)
        expect(median).toBeGreaterThan(0.1)
        expect(median).toBeLessThanOrEqual(1)
      })

      test('the rate of a counter that never rests is about right', async () => {
        await prometheus.untilScraped(5)
        const isAboutRight = (rate: number) => Math.abs(rate - RATE) <= RATE * RATE_TOLERANCE
        // A scrape that was held up makes two windows wrong, and the next one is right again.
        await prometheus.untilValue(`rate(${maker}_steps_total{${job}}[3s])`, isAboutRight)
      })

      if (protocol.hasNativeHistograms) {
        test('an exponential histogram comes back as a native one', async () => {
          const name = `${maker}_latency_milliseconds`
          expect(await prometheus.query(`${name}{${job}}`)).toMatchObject([{ isNative: true }])
          expect(await prometheus.valueOf(`histogram_count(${name}{${job}})`)).toBe(100)
          expect(await prometheus.valueOf(`histogram_sum(${name}{${job}})`)).toBe(5050)
          expect(await metadataOf(name)).toMatchObject([{ type: 'histogram' }])
        })

        test('quantiles of a native histogram lie within the width of a bucket', async () => {
          // From 1 to 100 are less than 7 powers of two, in at most 160 buckets: 16 to each, or more.
          const width = 2 ** (1 / 16)
          for (const millis of [10, 50, 99]) {
            const quantile = await prometheus.valueOf(
              `histogram_quantile(${millis / 100}, ${maker}_latency_milliseconds{${job}})`,
            )
            expect(quantile).toBeGreaterThan(millis / width)
            expect(quantile).toBeLessThanOrEqual((millis + 1) * width)
          }
        })
      }
    })

    // The SDK gathers none.
    if (protocol.hasExemplars) {
      test('exemplars come back with their trace, of counters and of buckets', async () => {
        const selectors = {
          'buffer_requests_total{route="/"}': ['3'],
          buffer_duration_seconds_bucket: ['0.05', '0.5', '5'],
        }
        for (const [selector, values] of Object.entries(selectors)) {
          const series = (await prometheus.queryExemplars(selector)).filter(
            ({ seriesLabels }) => seriesLabels.job === protocol.name,
          )
          const exemplars = series.flatMap((one) => one.exemplars)
          expect([...new Set(exemplars.map(({ value }) => value))].sort()).toEqual(values)
          for (const { labels } of exemplars) expect(labels).toMatchObject({ trace_id: TRACE_ID, span_id: SPAN_ID })
        }
      })
    }
  })
})
