import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader, type MetricFilter } from '@otel-sluice/processor'
import { beforeEach, describe, expect, test } from 'vitest'
import { CollectingAdapter } from './support/collecting-adapter.ts'
import { diagLog } from './support/diag-log.ts'
import { throwing, throwingAt } from './support/hostile.ts'

const SERIES = 100

let log: string[]
beforeEach(() => {
  log = diagLog()
})

function pipeline(metricFilter: MetricFilter) {
  const adapter = new CollectingAdapter()
  const reader = new BufferingMetricReader({ adapters: [adapter], metricFilter })
  const provider = new MeterProvider({ readers: [reader] })
  return { adapter, reader, bySdk: provider.getMeter('test'), byBuffer: reader.buffer.getMeter('test') }
}

const partially = (testAttributes: (n: unknown) => unknown): MetricFilter => ({
  testMetric: () => 'acceptPartial',
  testAttributes: (_scope, _name, _kind, _unit, { n }) => testAttributes(n) as 'accept',
})

describe.each(['bySdk', 'byBuffer'] as const)('what was recorded %s', (recorder) => {
  /** Two turns of a metric of a hundred sets, beside one that nobody has anything against. */
  async function exportedThrough(filter: MetricFilter) {
    const { adapter, reader, [recorder]: meter } = pipeline(filter)
    for (let turn = 0; turn < 2; turn++) {
      for (let n = 0; n < SERIES; n++) meter.createCounter('odd').add(1, { n })
      meter.createCounter('orders').add(3)
      await reader.flush()
    }
    const { filteredPoints } = reader.stats().adapters[0]!.stats
    return { odd: adapter.values('odd').length, orders: adapter.values('orders'), filteredPoints, ...reader.stats() }
  }

  test('is exported where the filter throws at some of it, which is reported once', async () => {
    const filter = partially((n) => (n === 3 ? throwing() : n === 4 ? 'drop' : 'accept'))
    expect(await exportedThrough(filter)).toMatchObject({
      odd: 2 * (SERIES - 1),
      orders: [3, 3],
      filteredPoints: 2,
      collectErrors: 0,
    })
    expect(log).toEqual(['error sluice: metricFilter threw; what it was asked about is exported no'])
  })

  test('is exported where the filter throws at the metric', async () => {
    const filter: MetricFilter = {
      testMetric: (_scope, name) => (name === 'odd' ? throwing() : 'accept'),
      testAttributes: () => 'drop',
    }
    expect(await exportedThrough(filter)).toMatchObject({ odd: 2 * SERIES, orders: [3, 3], filteredPoints: 0 })
    expect(log).toEqual(['error sluice: metricFilter threw; what it was asked about is exported no'])
  })

  test.each([
    ['undefined', () => undefined],
    ['null', () => null],
    ['true', () => true],
    ['false', () => false],
    ['"ACCEPT"', () => 'ACCEPT'],
    ['"DROP"', () => 'DROP'],
    ['an object', async () => 'drop'],
    ['an object', async () => throwing()],
    ['an object', () => throwingAt('then')],
  ])('is exported where the filter gives %s, which is no answer, and that is said once (%#)', async (shown, give) => {
    const all = { odd: 2 * SERIES, orders: [3, 3], filteredPoints: 0 }
    const told = [`error sluice: metricFilter gave ${shown}; what it was asked about is exported`]
    expect(await exportedThrough({ testMetric: () => give() as never, testAttributes: () => 'drop' })).toMatchObject(
      all,
    )
    expect(log.splice(0)).toEqual(told)
    expect(await exportedThrough(partially(give))).toMatchObject(all)
    expect(log).toEqual(told)
  })

  test('is exported where the filter says of a set what only may be said of a metric', async () => {
    expect(await exportedThrough(partially(() => 'acceptPartial'))).toMatchObject({ odd: 2 * SERIES })
    expect(log).toHaveLength(1)
  })
})
