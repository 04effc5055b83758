import { type Meter, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AcceptProxy } from '../../support/accept-proxy.ts'
import { Application, exponential, MAKERS, type Maker, SERVICE } from '../../support/application.ts'
import { describeWithPeers } from '../support/built.ts'
import { CurrentPrometheus } from '../support/current-prometheus.ts'
import type { ScrapeProtocol } from '../support/scrape-job.ts'

const TRACE_ID = '0123456789abcdef0123456789abcdef'
const SPAN_ID = '0123456789abcdef'
const inSpan = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: TRACE_ID,
  spanId: SPAN_ID,
  traceFlags: TraceFlags.SAMPLED,
})

function record(meter: Meter, prefix: Maker): void {
  const requests = meter.createCounter(`${prefix}.requests`, { unit: '{request}', description: 'What came "in"' })
  requests.add(3, { 'http.route': '/' }, inSpan)
  requests.add(4, { 'http.route': '/größe' })
  meter.createGauge(`${prefix}.größe.温度`, { unit: 'Cel' }).record(21.5)
  const duration = meter.createHistogram(`${prefix}.duration`, {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.1, 1, 10] },
  })
  for (const seconds of [0.05, 0.5, 0.5, 0.5, 5]) duration.record(seconds, {}, inSpan)
  const latency = meter.createHistogram(`${prefix}.latency`, { unit: 'ms' })
  for (let millis = 1; millis <= 100; millis++) latency.record(millis, {}, inSpan)
}

/** What a name is made of in each way of translation, before the scraper has its say. */
const STRATEGIES = [
  {
    strategy: 'NoTranslation',
    names: { requests: 'requests', temperature: 'größe.温度', duration: 'duration', latency: 'latency' },
    dot: '.',
    route: 'http.route',
  },
  {
    strategy: 'UnderscoreEscapingWithSuffixes',
    names: {
      requests: 'requests_total',
      temperature: 'gr_e_celsius',
      duration: 'duration_seconds',
      latency: 'latency_milliseconds',
    },
    dot: '_',
    route: 'http_route',
  },
] as const

const PROTOCOLS: readonly {
  readonly protocol: ScrapeProtocol
  /** What the endpoint has to answer then. */
  readonly contentType: RegExp
  /** Prometheus asks for UTF-8 in the formats of text only. So every target escapes the names that it sends in protobuf. */
  readonly readsUtf8: boolean
  readonly hasUnits: boolean
  readonly hasExemplars: boolean
  readonly hasTimesOfCreation: boolean
  readonly hasNativeHistograms: boolean
}[] = [
  {
    protocol: 'PrometheusText1.0.0',
    contentType: /^text\/plain; ?version=1\.0\.0;.* ?escaping=allow-utf-8/,
    readsUtf8: true,
    hasUnits: false,
    hasExemplars: false,
    hasTimesOfCreation: false,
    hasNativeHistograms: false,
  },
  {
    protocol: 'OpenMetricsText1.0.0',
    contentType: /^application\/openmetrics-text; ?version=1\.0\.0;.* ?escaping=allow-utf-8/,
    readsUtf8: true,
    hasUnits: true,
    hasExemplars: true,
    hasTimesOfCreation: true,
    hasNativeHistograms: false,
  },
  {
    protocol: 'PrometheusProto',
    contentType: /^application\/vnd\.google\.protobuf;.* ?escaping=underscores/,
    readsUtf8: false,
    hasUnits: true,
    hasExemplars: true,
    hasTimesOfCreation: true,
    hasNativeHistograms: true,
  },
]

describeWithPeers(['prometheus'], 'a current Prometheus', () => {
  const proxies = new Map<string, AcceptProxy>()
  const applications: Application[] = []
  let prometheus: CurrentPrometheus

  beforeAll(async () => {
    const jobs = []
    for (const { strategy } of STRATEGIES) {
      const application = await Application.start({
        endpoint: { translationStrategy: strategy },
        views: MAKERS.map((maker) => exponential(`${maker}.latency`)),
      })
      applications.push(application)
      for (const maker of MAKERS) record(application.meter(maker), maker)
      for (const { protocol } of PROTOCOLS) {
        const name = `${strategy} over ${protocol}`
        const proxy = await AcceptProxy.start(application.url)
        proxies.set(name, proxy)
        jobs.push({ name, url: proxy.url, protocol })
      }
    }
    prometheus = await CurrentPrometheus.start(jobs)
    await prometheus.api.untilScraped(2)
  })
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
    await Promise.all(applications.map((application) => application.stop()))
  })

  test('reads every scrape, and no series twice', async () => {
    expect((await prometheus.api.targets()).map(({ lastError }) => lastError)).toEqual([...proxies].map(() => ''))
    expect(await prometheus.api.samplesTooMany()).toEqual({})
    expect(await prometheus.api.ownMetric('prometheus_target_scrapes_sample_out_of_order_total')).toBe(0)
    expect(await prometheus.api.ownMetric('prometheus_target_scrapes_exemplar_out_of_order_total')).toBe(0)
  })

  const cases = STRATEGIES.flatMap((strategy) => PROTOCOLS.map((protocol) => ({ ...strategy, ...protocol })))
  describe.each(cases)('with $strategy over $protocol', (each) => {
    const { strategy, protocol, names, dot, route } = each
    const job = `${strategy} over ${protocol}`
    const asRead = (name: string) => (each.readsUtf8 ? name : name.replaceAll(/[^a-zA-Z0-9_]/g, '_'))
    const select = (name: string, labels = '') => `{"${asRead(name)}",job="${job}"${labels}}`
    const metadataOf = async (family: string) =>
      (await prometheus.api.metadata(asRead(family))).filter(({ target }) => target.job === job)

    test('is answered in it', () => {
      expect(proxies.get(job)!.contentType).toMatch(each.contentType)
    })

    test('the name of the service is found in target_info', async () => {
      const label = asRead(dot === '.' ? 'service.name' : 'service_name')
      const [info] = await prometheus.api.query(select('target_info'))
      expect(info!.labels[label]).toBe(SERVICE['service.name'])
    })

    describe.each(MAKERS)('from the instruments of the %s', (maker) => {
      const nameOf = (instrument: keyof typeof names) => `${maker}${dot}${names[instrument]}`

      test('a counter is found by its name and its attribute', async () => {
        const name = nameOf('requests')
        expect(await prometheus.api.valueOf(select(name, `,"${asRead(route)}"="/"`))).toBe(3)
        expect(await prometheus.api.valueOf(select(name, `,"${asRead(route)}"="/größe"`))).toBe(4)
      })

      test('a gauge whose name is not of ASCII is found by it', async () => {
        expect(await prometheus.api.valueOf(select(nameOf('temperature')))).toBe(21.5)
      })

      test('types, units and descriptions are known', async () => {
        // Samples of an OpenMetrics counter end in _total: without it, and there alone, it is of no known type.
        const isOpenMetrics = protocol === 'OpenMetricsText1.0.0'
        const requests = nameOf('requests')
        const isNamedAsCounter = requests.endsWith('_total')
        expect(await metadataOf(isOpenMetrics ? requests.replace(/_total$/, '') : requests)).toMatchObject([
          { type: isOpenMetrics && !isNamedAsCounter ? 'unknown' : 'counter', help: 'What came "in"' },
        ])
        // One that is not the end of the name would be refused, in OpenMetrics and by some versions in protobuf.
        const unit = each.hasUnits && strategy !== 'NoTranslation' ? 'seconds' : ''
        expect(await metadataOf(nameOf('duration'))).toMatchObject([{ type: 'histogram', unit }])
      })

      test('an explicit histogram has its buckets, count and sum', async () => {
        const name = nameOf('duration')
        const buckets = await prometheus.api.query(select(`${name}_bucket`))
        const counts = buckets.map(({ labels, value }) => [Number(labels.le!.replace('+Inf', 'Infinity')), value])
        expect(counts.sort(([a], [b]) => a! - b!)).toEqual([
          [0.1, 1],
          [1, 4],
          [10, 5],
          [Number.POSITIVE_INFINITY, 5],
        ])
        expect(await prometheus.api.valueOf(select(`${name}_count`))).toBe(5)
        expect(await prometheus.api.valueOf(select(`${name}_sum`))).toBeCloseTo(6.55)
      })

      if (each.hasTimesOfCreation && !(protocol === 'OpenMetricsText1.0.0' && strategy === 'NoTranslation')) {
        test('a counter began at 0, when it was created', async () => {
          const first = `min_over_time(${select(nameOf('requests'), `,"${asRead(route)}"="/"`)}[5m])`
          expect(await prometheus.api.valueOf(first)).toBe(0)
        })
      }

      if (each.hasNativeHistograms) {
        test('an exponential histogram is a native one', async () => {
          const name = nameOf('latency')
          expect(await prometheus.api.query(select(name))).toMatchObject([{ isNative: true }])
          expect(await prometheus.api.valueOf(`histogram_count(${select(name)})`)).toBe(100)
          expect(await prometheus.api.valueOf(`histogram_sum(${select(name)})`)).toBe(5050)
          // From 1 to 100 are less than 7 powers of two, in at most 160 buckets: 16 to each, or more.
          const width = 2 ** (1 / 16)
          for (const millis of [10, 50, 99]) {
            const quantile = await prometheus.api.valueOf(`histogram_quantile(${millis / 100}, ${select(name)})`)
            expect(quantile).toBeGreaterThan(millis / width)
            expect(quantile).toBeLessThanOrEqual((millis + 1) * width)
          }
        })
      }
    })

    // The SDK gathers none.
    if (each.hasExemplars) {
      const exemplarsOf = async (name: string) => {
        const series = await prometheus.api.queryExemplars(select(name))
        return series.flatMap(({ exemplars }) => exemplars)
      }

      test('exemplars of a counter and of buckets have their trace', async () => {
        const bucketed = await exemplarsOf(`buffer${dot}${names.duration}_bucket`)
        expect([...new Set(bucketed.map(({ value }) => value))].sort()).toEqual(['0.05', '0.5', '5'])
        for (const { labels } of bucketed) expect(labels).toMatchObject({ trace_id: TRACE_ID, span_id: SPAN_ID })
      })

      if (each.hasNativeHistograms) {
        test('exemplars of a native histogram have their trace', async () => {
          const exemplars = await exemplarsOf(`buffer${dot}${names.latency}`)
          expect(exemplars.length).toBeGreaterThan(0)
          for (const { labels, value } of exemplars) {
            expect(labels).toMatchObject({ trace_id: TRACE_ID, span_id: SPAN_ID })
            expect(Number(value)).toBeGreaterThanOrEqual(1)
            expect(Number(value)).toBeLessThanOrEqual(100)
          }
        })
      }
    }
  })
})
