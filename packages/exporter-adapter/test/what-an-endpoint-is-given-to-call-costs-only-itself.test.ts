import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint, PullExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CollectingAdapter } from '../../processor/test/support/collecting-adapter.ts'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { revoked, throwing, throwingAt } from '../../processor/test/support/hostile.ts'
import { served } from './support/scraped.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

describe('resourceConstantLabels', () => {
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'host.name': 'a' })

  test.each<readonly [what: string, choose: (key: string) => unknown]>([
    ['throws', throwing],
    ['gives a promise', async () => true],
    ['gives a promise that rejects', async () => throwing()],
    ['gives what throws', () => throwingAt('then')],
    ['gives a revoked proxy', () => revoked({})],
  ])('that %s for a key leaves the label out, and the others in, and is told of once', async (_what, choose) => {
    const { meter, scrape } = await served({
      provider: { resource },
      resourceConstantLabels: (key) => (key === 'host.name' ? (choose(key) as boolean) : true),
    })
    meter.createCounter('c').add(1)
    for (let each = 0; each < 2; each++) {
      const { status, text } = await scrape()
      expect(status).toBe(200)
      expect(text).toMatch(/^c_total\{.*service_name="shop"\} 1$/m)
      expect(text).not.toMatch(/^c_total\{.*host_name/m)
    }
    expect(log).toEqual([
      expect.stringMatching(/^error sluice: resourceConstantLabels .*; what it was asked about is no label/),
    ])
  })
})

describe('the aggregationSelector of an endpoint', () => {
  test.each([
    ['throws', throwing, /adapters\[0\] \(PrometheusEndpoint\): selectAggregation\(COUNTER\) threw: no/],
    ['gives nothing', () => undefined, /adapters\[0\] \(PrometheusEndpoint\): selectAggregation\(COUNTER\) must give/],
  ])('that %s is named by the constructor of the reader', (_what, aggregationSelector, message) => {
    const endpoint = new PrometheusEndpoint({ port: 0, aggregationSelector: aggregationSelector as never })
    expect(() => new BufferingMetricReader({ adapters: [endpoint] })).toThrow(message)
  })
})

test.each([
  ['path', Object.create(null)],
  ['server', Object.create(null)],
  ['port', Object.create(null)],
  ['resourceConstantLabels', Object.create(null)],
  ['translationStrategy', { toString: throwing }],
])('an option %s that cannot be shown is named all the same', (option, value) => {
  expect(() => new PrometheusEndpoint({ [option]: value })).toThrow(new RegExp(`PrometheusEndpoint: ${option} must`))
})

describe('a pull reader', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const pullReader = (faults: object = {}) => ({
    setMetricProducer: () => {},
    selectAggregation: () => ({ type: AggregationType.DEFAULT }),
    selectAggregationTemporality: () => 1,
    shutdown: async () => {},
    ...faults,
  })

  test.each<readonly [what: string, shutdown: () => unknown]>([
    ['throws', throwing],
    ['rejects', async () => throwing()],
    ['never settles', () => new Promise(() => {})],
    ['gives nothing', () => undefined],
    ['gives what is like a promise and throws', () => throwingAt('then')],
  ])('whose shutdown() %s keeps nobody from theirs', async (_what, shutdown) => {
    const good = new CollectingAdapter()
    const pull = new PullExporterAdapter(pullReader({ shutdown }) as never)
    const reader = new BufferingMetricReader({ adapters: [pull, good] })
    new MeterProvider({ readers: [reader] })
    let isOver = false
    void reader.shutdown({ timeoutMillis: 100 }).finally(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(200)
    expect([isOver, good.shutdowns]).toEqual([true, 1])
  })

  test('that rejects as it is registered is counted, and ends nothing', async () => {
    const pull = new PullExporterAdapter(pullReader({ setMetricProducer: async () => throwing() }) as never)
    const reader = new BufferingMetricReader({ adapters: [pull] })
    new MeterProvider({ readers: [reader] })
    await vi.advanceTimersByTimeAsync(0)
    expect(reader.stats().adapters[0]!.stats).toMatchObject({ failures: 1, lastError: 'no' })
  })

  test('that throws as it is registered is not registered, and says so', () => {
    const pull = new PullExporterAdapter(pullReader({ setMetricProducer: throwing }) as never)
    const reader = new BufferingMetricReader({ adapters: [pull] })
    expect(() => new MeterProvider({ readers: [reader] })).toThrow('no')
  })

  test('without a class has a name', () => {
    const pull = new PullExporterAdapter(Object.assign(Object.create(null), pullReader()))
    expect(pull.name).toBe('PullExporterAdapter')
    expect(pull.selectAggregation(InstrumentType.GAUGE)).toEqual({ type: AggregationType.DEFAULT })
  })

  test.each([Object.create(null), null, 5])('that is none is told apart in words (%#)', (value) => {
    expect(() => new PullExporterAdapter(value as never)).toThrow(/reader must be a pull MetricReader such as/)
  })
})
