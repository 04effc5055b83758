import type { Meter } from '@opentelemetry/api'
import { type OtlpReceiver, type ReceivedMetric, startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Application, exponential, MAKERS, type Maker, SERVICE } from '../../support/application.ts'
import { until } from '../../support/until.ts'
import { describeWithPeers } from '../support/built.ts'
import { Collector } from '../support/collector.ts'
import type { ScrapeProtocol } from '../support/scrape-job.ts'

const LATENCIES = Array.from({ length: 100 }, (_, i) => i + 1)

function record(meter: Meter, prefix: Maker): void {
  meter
    .createCounter(`${prefix}.requests`, { unit: '{request}', description: 'What came' })
    .add(3, { 'http.route': '/' })
  meter.createUpDownCounter(`${prefix}.in_flight`).add(-3)
  meter.createGauge(`${prefix}.temperature`, { unit: 'Cel' }).record(21.5)
  const duration = meter.createHistogram(`${prefix}.duration`, {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.1, 1, 10] },
  })
  for (const seconds of [0.05, 0.5, 0.5, 0.5, 5]) duration.record(seconds)
  const latency = meter.createHistogram(`${prefix}.latency`, { unit: 'ms' })
  for (const millis of LATENCIES) latency.record(millis)
}

const CASES = [
  {
    strategy: 'UnderscoreEscapingWithSuffixes',
    protocol: 'PrometheusProto',
    names: {
      requests: '_requests_total',
      inFlight: '_in_flight',
      temperature: '_temperature_celsius',
      duration: '_duration_seconds',
      latency: '_latency_milliseconds',
    },
    keys: { route: 'http_route', serviceVersion: 'service_version' },
    hasTimesOfCreation: true,
  },
  {
    strategy: 'NoTranslation',
    protocol: 'PrometheusText1.0.0',
    names: {
      requests: '.requests',
      inFlight: '.in_flight',
      temperature: '.temperature',
      duration: '.duration',
      latency: '.latency',
    },
    keys: { route: 'http.route', serviceVersion: 'service.version' },
    hasTimesOfCreation: false,
  },
] as const satisfies readonly { readonly protocol: ScrapeProtocol; [key: string]: unknown }[]

type Strategy = (typeof CASES)[number]['strategy']

describeWithPeers(['otelcol'], 'an OpenTelemetry Collector that scrapes the endpoint', () => {
  const applications = new Map<Strategy, Application>()
  let receiver: OtlpReceiver
  let collector: Collector

  beforeAll(async () => {
    const scraped = []
    for (const { strategy, protocol } of CASES) {
      const application = await Application.start({
        endpoint: { translationStrategy: strategy },
        views: [exponential('*.latency')],
      })
      applications.set(strategy, application)
      for (const maker of MAKERS) record(application.meter(maker), maker)
      scraped.push({ name: strategy, url: application.url, protocol })
    }
    receiver = await startOtlpReceiver()
    collector = await Collector.start({ to: receiver.url, scraped })
    await until('a scrape of each', async () => {
      for (const { strategy } of CASES) received(strategy, 'up', 'gauge')
      return true
    })
  })
  afterAll(async () => {
    await collector?.stop()
    await receiver?.close()
    await Promise.all([...applications.values()].map((application) => application.stop()))
  })

  /** As of the last scrape of an application. */
  function received<K extends ReceivedMetric['kind']>(strategy: Strategy, name: string, kind: K) {
    // What else a resource says may come from the target, or from its target_info.
    const port = String(applications.get(strategy)!.port)
    const ofScrapes = receiver.batches.map((batch) =>
      batch.metrics.filter(({ resource }) => resource['server.port'] === port),
    )
    const metrics = ofScrapes.findLast((batch) => batch.length > 0) ?? []
    const metric = metrics.find((each) => each.name === name)
    if (metric?.kind !== kind) {
      const names = metrics.map((each) => `${each.name} (${each.kind})`).join(', ')
      throw new Error(`there is no ${kind} called ${name} among ${names}`)
    }
    return metric as Extract<ReceivedMetric, { kind: K }>
  }

  describe.each(CASES)('with $strategy over $protocol', ({ strategy, protocol, names, keys, hasTimesOfCreation }) => {
    test('reads every scrape', () => {
      expect(received(strategy, 'up', 'gauge').points.map(({ value }) => value)).toEqual([1])
    })

    test('knows what the service is, by target_info', () => {
      const { resource } = received(strategy, `sdk${names.inFlight}`, 'gauge')
      expect(resource[keys.serviceVersion]).toBe(SERVICE['service.version'])
    })

    describe.each(MAKERS)('from the instruments of the %s', (maker) => {
      const nameOf = (instrument: keyof typeof names) => maker + names[instrument]

      test('a counter is a monotonic sum, with its attributes and when it began', () => {
        const sum = received(strategy, nameOf('requests'), 'sum')
        expect(sum).toMatchObject({ isMonotonic: true, temporality: 'cumulative', description: 'What came' })
        expect(sum.scope).toMatchObject({ name: `e2e-${maker}`, version: '1.0.0' })
        const [point] = sum.points
        expect(point).toMatchObject({ value: 3, attributes: { [keys.route]: '/' } })
        expect(point!.startUnixNanos > 0n).toBe(hasTimesOfCreation)
        expect(point!.startUnixNanos).toBeLessThan(point!.endUnixNanos)
      })

      test('an UpDownCounter and a gauge are gauges', () => {
        expect(received(strategy, nameOf('inFlight'), 'gauge').points).toMatchObject([{ value: -3 }])
        expect(received(strategy, nameOf('temperature'), 'gauge').points).toMatchObject([{ value: 21.5 }])
      })

      test('an explicit histogram has its buckets, count and sum', () => {
        const { points, temporality } = received(strategy, nameOf('duration'), 'histogram')
        expect(temporality).toBe('cumulative')
        expect(points).toMatchObject([{ count: 5, explicitBounds: [0.1, 1, 10], bucketCounts: [1, 3, 1, 0] }])
        expect(points[0]!.sum).toBeCloseTo(6.55)
      })

      if (protocol === 'PrometheusProto') {
        test('an exponential histogram is one again, with each value in its bucket', () => {
          const { points } = received(strategy, nameOf('latency'), 'exponential-histogram')
          expect(points).toMatchObject([{ count: 100, sum: 5050, zeroCount: 0 }])
          const { scale, positive } = points[0]!
          // Bucket i is of values in (base^i, base^(i+1)], where base is 2^(2^-scale).
          const counts = new Map<number, number>()
          for (const millis of LATENCIES) {
            const index = Math.ceil(Math.log2(millis) * 2 ** scale) - 1
            counts.set(index, (counts.get(index) ?? 0) + 1)
          }
          const buckets = positive.bucketCounts.map((count, i) => [positive.offset + i, count] as const)
          expect(buckets.filter(([, count]) => count > 0)).toEqual([...counts])
        })

        test('a unit is that of the instrument', () => {
          expect(received(strategy, nameOf('duration'), 'histogram').unit).toBe('s')
          expect(received(strategy, nameOf('temperature'), 'gauge').unit).toBe('Cel')
        })
      }
    })
  })
})
