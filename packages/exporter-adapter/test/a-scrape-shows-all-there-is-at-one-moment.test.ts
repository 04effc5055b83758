import { type Attributes, context, diag, TraceFlags, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint, type PrometheusEndpointOptions } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { type ParsedFamily, parseText } from './support/prometheus-text.ts'
import { get, OPENMETRICS, served, UTF8 } from './support/scraped.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  diag.disable()
})

/** The value of a series; undefined where there is none. */
function valueIn(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .find(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )?.value
}

/** Keeps the next collection from its end until it is let go. */
function holdNextCollection(provider: MeterProvider): { release(): void } {
  let release = () => {}
  let isHeld = true
  const released = new Promise<void>((resolve) => {
    release = () => {
      isHeld = false
      resolve()
    }
  })
  provider
    .getMeter('held')
    .createObservableGauge('held')
    .addCallback(async () => {
      if (isHeld) await released
    })
  return { release }
}

describe('a scrape', () => {
  test('shows what the SDK and the buffer have recorded, in every text format', async () => {
    const { provider, meter, scrape } = await served()
    provider.getMeter('sdk').createCounter('of.sdk').add(3, { route: '/' })
    meter.createUpDownCounter('in.use').add(-2)
    meter.createHistogram('time', { unit: 's', advice: { explicitBucketBoundaries: [1, 2.5] } }).record(2)
    for (const accept of ['text/plain', UTF8, OPENMETRICS]) {
      const families = parseText((await scrape(accept)).text, accept === OPENMETRICS)
      const dotted = accept === UTF8 ? 'of_sdk_total' : 'of_sdk_total'
      expect(valueIn(families, dotted, { route: '/', otel_scope_name: 'sdk' })).toBe(3)
      expect(valueIn(families, 'in_use')).toBe(-2)
      const [one, second] = accept === OPENMETRICS ? ['1.0', '2.5'] : ['1', '2.5']
      expect(valueIn(families, 'time_seconds_bucket', { le: one! })).toBe(0)
      expect(valueIn(families, 'time_seconds_bucket', { le: second! })).toBe(1)
      expect(valueIn(families, 'time_seconds_sum')).toBe(2)
    }
  })

  test('is answered after a turn that begins after it, which all that wait share', async () => {
    const { endpoint, reader, provider, meter, scrape } = await served()
    let calls = 0
    provider
      .getMeter('sdk')
      .createObservableGauge('observed')
      .addCallback((result) => {
        calls++
        result.observe(calls)
      })
    const counter = meter.createCounter('c')
    counter.add(1)
    await scrape()
    calls = 0
    counter.add(1)
    const turnsBefore = reader.stats().turns
    // All of them come before the first turn is over.
    const held = holdNextCollection(provider)
    const answers = Array.from({ length: 50 }, () => scrape())
    await vi.waitFor(() => expect(endpoint.stats().attempts).toBe(51))
    held.release()
    for (const { text } of await Promise.all(answers)) expect(valueIn(parseText(text), 'c_total')).toBe(2)
    expect(calls).toBe(reader.stats().turns - turnsBefore)
    expect(calls).toBe(2)
  })

  test('of everything while it is recorded never sees a counter fall, and in the end sees it all', {
    timeout: 60_000,
  }, async () => {
    const { meter, scrape } = await served()
    const counter = meter.createCounter('c')
    const histogram = meter.createHistogram('h')
    let recorded = 0
    let isOver = false
    const writer = (async () => {
      while (!isOver) {
        for (let i = 0; i < 500; i++) {
          counter.add(1, { series: i % 7 })
          histogram.record(i % 100)
          recorded++
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const scraper = async (n: number) => {
      const last = new Map<string, number>()
      for (let i = 0; i < 20; i++) {
        for (const family of parseText(
          (await scrape(n % 2 === 0 ? OPENMETRICS : undefined)).text,
          n % 2 === 0,
        ).values()) {
          for (const { name, labels, value } of family.samples) {
            if (family.type !== 'counter' && family.type !== 'histogram') continue
            const key = name + JSON.stringify(labels)
            expect(value).toBeGreaterThanOrEqual(last.get(key) ?? 0)
            last.set(key, value)
          }
        }
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => scraper(n)))
    isOver = true
    await writer
    const families = parseText((await scrape()).text)
    const total = families.get('c_total')!.samples.reduce((sum, { value }) => sum + value, 0)
    expect(total).toBe(recorded)
    expect(valueIn(families, 'h_count')).toBe(recorded)
  })

  test('of what is recorded together shows all of it or nothing, while turns go on', async () => {
    const SERIES = 5000
    const { meter, reader, scrape } = await served({ reader: { cardinalityLimits: { default: SERIES + 1 } } })
    const counters = [meter.createCounter('first'), meter.createCounter('second')]
    let isOver = false
    const turns = (async () => {
      while (!isOver) {
        for (const counter of counters) for (let i = 0; i < SERIES; i++) counter.add(1, { i })
        await reader.flush()
      }
    })()
    for (let i = 0; i < 15; i++) {
      const families = parseText((await scrape(OPENMETRICS)).text, true)
      const [first, second] = ['first', 'second'].map((name) =>
        families
          .get(name)!
          .samples.filter((sample) => sample.name === `${name}_total`)
          .map(({ value }) => value),
      )
      expect(new Set([...first!, ...second!]).size, 'all series have grown as often').toBe(1)
    }
    isOver = true
    await turns
  })

  test('counts what it has shown', async () => {
    const { endpoint, meter, scrape } = await served()
    meter.createCounter('c').add(1)
    await scrape()
    expect(endpoint.stats()).toMatchObject({
      offeredPoints: 1,
      deliveredPoints: 1,
      attempts: 1,
      failures: 0,
      pendingPoints: 0,
    })
  })
})

describe('a callback that hangs', () => {
  test('costs its own series only, and the scrape is in time', async () => {
    const { provider, meter, scrape } = await served({ reader: { collectTimeoutMillis: 60_000 } })
    const counter = meter.createCounter('c')
    counter.add(1)
    await scrape()
    provider
      .getMeter('sdk')
      .createObservableGauge('hangs')
      .addCallback(() => new Promise(() => {}))
    counter.add(1)
    const startedMillis = performance.now()
    const { status, text } = await scrape(undefined, { 'x-prometheus-scrape-timeout-seconds': '1' })
    expect(performance.now() - startedMillis).toBeLessThan(1000)
    // The turn is not over: the view is what it was.
    expect([status, valueIn(parseText(text), 'c_total')]).toEqual([200, 1])
  })

  test('from the start is said with 503, not with nothing', async () => {
    const { provider, scrape } = await served({ reader: { collectTimeoutMillis: 60_000 }, scrapeTimeoutMillis: 300 })
    provider
      .getMeter('sdk')
      .createObservableGauge('hangs')
      .addCallback(() => new Promise(() => {}))
    const { status, text } = await scrape()
    const why = 'the first collection has not finished in time: a callback or a resource detector may hang\n'
    expect([status, text]).toEqual([503, why])
  })
})

describe('series', () => {
  test('that are stale leave, and others take their place', async () => {
    vi.spyOn(Date, 'now')
    const { meter, scrape, reader } = await served({ reader: { staleAfterMillis: 1 } })
    const counter = meter.createCounter('c')
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 10; i++) counter.add(1, { id: `${round}.${i}` })
      await reader.flush()
      await new Promise((resolve) => setTimeout(resolve, 5))
      counter.add(1, { id: 'stays' })
      const families = parseText((await scrape()).text)
      const ids = families.get('c_total')!.samples.map(({ labels }) => labels.id!)
      expect(ids.filter((id) => id !== 'stays' && !id.startsWith(`${round}.`))).toEqual([])
      expect(valueIn(families, 'c_total', { id: 'stays' })).toBeGreaterThanOrEqual(1)
    }
  })

  test('have the examples of their measurements in OpenMetrics, with their traces', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    onTestFinished(() => context.disable())
    const buffer = new MetricsBuffer({
      exemplarFilter: 'always_on',
      views: [{ instrumentName: 'c', attributesProcessors: [{ process: () => ({}) }] }],
    })
    const { scrape } = await served({ reader: { buffer } })
    const span = trace.wrapSpanContext({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: TraceFlags.SAMPLED,
    })
    context.with(trace.setSpan(context.active(), span), () => {
      buffer.getMeter('test').createCounter('c').add(3, { user: 'x"y' })
      buffer
        .getMeter('test')
        .createHistogram('h', { advice: { explicitBucketBoundaries: [1, 2] } })
        .record(1.5)
    })
    const samples = [...parseText((await scrape(OPENMETRICS)).text, true).values()].flatMap((family) => family.samples)
    const ids = `trace_id="${'a'.repeat(32)}",span_id="${'b'.repeat(16)}"`
    expect(samples.find(({ name }) => name === 'c_total')!.exemplar).toMatch(`{${ids},user="x\\"y"} 3 `)
    expect(samples.find(({ labels }) => labels.le === '2.0')!.exemplar).toMatch(`{${ids}} 1.5 `)
    expect(samples.filter(({ exemplar }) => exemplar !== undefined)).toHaveLength(2)
    expect((await scrape()).text).not.toContain('trace_id')
  })

  test('of exponential histograms are counts and sums in text', async () => {
    const buffer = new MetricsBuffer({
      views: [{ instrumentName: 'h', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    })
    const { scrape } = await served({ reader: { buffer } })
    buffer.getMeter('test').createHistogram('h').record(3)
    const families = parseText((await scrape()).text)
    expect(valueIn(families, 'h_bucket', { le: '+Inf' })).toBe(1)
    expect(valueIn(families, 'h_sum')).toBe(3)
  })
})

describe('names and labels that meet', () => {
  async function scraped(
    record: (meter: Awaited<ReturnType<typeof served>>['meter']) => void,
    options: PrometheusEndpointOptions = {},
  ) {
    const log = diagLog()
    const { meter, scrape } = await served(options)
    record(meter)
    await scrape()
    return {
      families: parseText((await scrape()).text),
      said: log.filter((line) => JSON.stringify(line).includes('PrometheusEndpoint')),
    }
  }

  test('join the values of keys that come to one label, in the order of the keys', async () => {
    const { families } = await scraped((meter) =>
      meter.createCounter('c').add(1, { a_b: 'second', 'a.b': 'first' } as Attributes),
    )
    expect(families.get('c_total')!.samples[0]!.labels.a_b).toBe('first;second')
  })

  test('add up counters of the same labels, say so once, and count them', async () => {
    const { families, said } = await scraped((meter) => {
      meter.createCounter('a.b').add(1, { n: 1 })
      meter.createCounter('a_b').add(2, { n: '1' })
    })
    expect(families.get('a_b_total')!.samples.map(({ value }) => value)).toEqual([3])
    expect(valueIn(families, 'sluice_scrape_conflicts', { kind: 'series_merged' })).toBe(1)
    expect(said).toHaveLength(1)
  })

  test('leave out a metric of another type, say which once, and count it', async () => {
    const { families, said } = await scraped((meter) => {
      meter.createGauge('a_b').record(1)
      meter.createHistogram('a.b').record(1)
    })
    expect(families.get('a_b')!.type).toBe('histogram')
    expect(valueIn(families, 'sluice_scrape_conflicts', { kind: 'metric_dropped' })).toBe(1)
    expect(said).toEqual([expect.stringMatching(/warn .*"a_b".* is not exposed/)])
  })

  test('leave out a metric whose samples are those of a histogram', async () => {
    const { families } = await scraped((meter) => {
      meter.createHistogram('a').record(1)
      meter.createGauge('a_count').record(7)
    })
    expect(valueIn(families, 'a_count')).toBe(1)
    expect(valueIn(families, 'sluice_scrape_conflicts', { kind: 'metric_dropped' })).toBe(1)
  })

  test('keep one description and one unit of several, and all points', async () => {
    const { families, said } = await scraped((meter) => {
      meter.createCounter('a.b', { description: 'one' }).add(1, { n: 1 })
      meter.createCounter('a_b', { description: 'two' }).add(1, { n: 2 })
    })
    expect(families.get('a_b_total')).toMatchObject({ help: 'one', samples: [{ value: 1 }, { value: 1 }] })
    expect(said).toHaveLength(1)
  })

  test('do not meet where they are of two scopes, unless scopes are not shown', async () => {
    const log = diagLog()
    for (const scopeInfoEnabled of [true, false]) {
      const { reader, scrape } = await served({ scopeInfoEnabled })
      reader.buffer.getMeter('one').createCounter('c').add(1)
      reader.buffer.getMeter('two').createCounter('c').add(2)
      const { samples } = parseText((await scrape()).text).get('c_total')!
      expect(samples.map(({ value }) => value)).toEqual(scopeInfoEnabled ? [1, 2] : [3])
    }
    expect(log.length).toBeGreaterThan(0)
  })

  test('have a label of their own where the histogram needs le', async () => {
    const { families } = await scraped((meter) => meter.createHistogram('h').record(1, { le: 'mine' }))
    expect(valueIn(families, 'h_count', { exported_le: 'mine' })).toBe(1)
  })
})

describe('the resource', () => {
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'host.id': 7 })

  test('is target_info, and info in OpenMetrics', async () => {
    const { scrape } = await served({ provider: { resource } })
    expect((await scrape()).text).toContain(
      '# TYPE target_info gauge\ntarget_info{host_id="7",service_name="shop"} 1\n',
    )
    expect((await scrape(OPENMETRICS)).text).toContain(
      '# TYPE target info\ntarget_info{host_id="7",service_name="shop"} 1\n',
    )
  })

  test('is left out where that is asked for', async () => {
    const { scrape } = await served({ provider: { resource }, targetInfoEnabled: false })
    expect((await scrape()).text).not.toContain('target_info')
  })

  test.each([[['service.name']], [(key: string) => key.startsWith('service.')]])(
    'gives labels to all series where they are chosen',
    async (resourceConstantLabels) => {
      const { meter, scrape } = await served({ provider: { resource }, resourceConstantLabels })
      meter.createCounter('c').add(1)
      const { samples } = parseText((await scrape()).text).get('c_total')!
      expect(samples[0]!.labels).toEqual({ otel_scope_name: 'test', service_name: 'shop' })
    },
  )
})

describe('an endpoint', () => {
  test('says what is wrong with an option', () => {
    const rejected: [PrometheusEndpointOptions, string][] = [
      [{ port: -1 }, 'port'],
      [{ port: 1.5 }, 'port'],
      [{ path: 'metrics' }, 'path'],
      [{ path: '/m?x' }, 'path'],
      [{ host: 7 as unknown as string }, 'host'],
      [{ translationStrategy: 'None' as 'NoTranslation' }, 'translationStrategy'],
      [{ scrapeTimeoutMillis: 0 }, 'scrapeTimeoutMillis'],
      [{ maxConcurrentScrapes: Number.NaN }, 'maxConcurrentScrapes'],
      [{ resourceConstantLabels: 'service.name' as unknown as string[] }, 'resourceConstantLabels'],
      [{ authorize: true as unknown as () => boolean }, 'authorize'],
      [{ server: {} as unknown as false }, 'server'],
    ]
    for (const [options, name] of rejected) expect(() => new PrometheusEndpoint(options), name).toThrow(name)
  })

  test('listens where the environment says', async () => {
    vi.stubEnv('OTEL_EXPORTER_PROMETHEUS_HOST', '127.0.0.1')
    vi.stubEnv('OTEL_EXPORTER_PROMETHEUS_PORT', '0')
    const endpoint = new PrometheusEndpoint()
    const provider = new MeterProvider({ readers: [new BufferingMetricReader({ adapters: [endpoint] })] })
    expect(await endpoint.ready).toMatchObject({ host: '127.0.0.1' })
    await provider.shutdown()
  })

  test('leaves out a port of the environment that is none, and says so', () => {
    const log = diagLog()
    vi.stubEnv('OTEL_EXPORTER_PROMETHEUS_PORT', 'http')
    new PrometheusEndpoint()
    expect(JSON.stringify(log)).toContain('OTEL_EXPORTER_PROMETHEUS_PORT')
  })

  test('whose port is taken says so on ready and through diag, and the pipeline goes on', async () => {
    const log = diagLog()
    const { url } = await served()
    const endpoint = new PrometheusEndpoint({ port: Number(new URL(url).port) })
    const reader = new BufferingMetricReader({ adapters: [endpoint] })
    const provider = new MeterProvider({ readers: [reader] })
    await expect(endpoint.ready).rejects.toThrow(new URL(url).port)
    expect(JSON.stringify(log)).toContain(new URL(url).port)
    await reader.flush()
    await provider.shutdown()
  })

  test('answers nobody once it is shut down', async () => {
    const { provider, url, scrape } = await served()
    expect((await scrape()).status).toBe(200)
    await provider.shutdown()
    await expect(get(url)).rejects.toThrow('ECONNREFUSED')
  })

  test('belongs to one reader', async () => {
    const { endpoint } = await served()
    expect(() => new MeterProvider({ readers: [new BufferingMetricReader({ adapters: [endpoint] })] })).toThrow(
      'attached to a reader already',
    )
  })

  test('compresses where that is taken', async () => {
    const { meter, scrape } = await served()
    const counter = meter.createCounter('c')
    for (let i = 0; i < 10_000; i++) counter.add(1, { i })
    const [plain, small] = [await scrape(), await scrape(undefined, { 'accept-encoding': 'gzip' })]
    expect(small.headers['content-encoding']).toBe('gzip')
    expect(Number(small.headers['content-length'])).toBeLessThan(Number(plain.headers['content-length']) / 5)
    expect(small.text).toBe(plain.text)
  })
})
