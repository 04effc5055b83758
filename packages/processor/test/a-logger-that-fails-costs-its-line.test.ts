import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import { report } from '@otel-sluice/processor'
import { afterEach, expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { revoked, throwing, throwingAt } from './support/hostile.ts'

afterEach(() => diag.disable())

function logWith(write: (message: string) => unknown): void {
  const logger = { error: write, warn: write, info: write, debug: write, verbose: () => {} } as DiagLogger
  diag.disable()
  diag.setLogger(logger, { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true })
}

/** A turn in which lines come from a filter, a callback and a value, and what it exports. */
async function turnWithLines(): Promise<unknown[]> {
  const { meter, sdkMeter, points } = bufferedPipeline(
    {},
    { metricFilter: { testMetric: throwing, testAttributes: throwing } },
  )
  meter.createObservableGauge('gauge').addCallback(throwing)
  const counter = meter.createCounter('counter')
  counter.add(Number.NaN)
  counter.add(1)
  sdkMeter.createCounter('of the SDK').add(2)
  return (await points()).map(([, value]) => value)
}

test.each<readonly [what: string, write: () => unknown]>([
  ['throws', throwing],
  ['rejects', async () => throwing()],
  ['gives what is like a promise and throws', () => throwingAt('then')],
  ['gives a revoked proxy', () => revoked({})],
  ['throws and rejects in turn', flapping()],
])('one that %s', async (_what, write) => {
  let lines = 0
  logWith((message) => {
    if (!message.startsWith('sluice')) return undefined
    lines++
    return write()
  })
  report('error', 'sluice: a line of an adapter of one’s own')
  expect(await turnWithLines()).toEqual([1, 2])
  expect(lines).toBe(4)
})

function flapping(): () => unknown {
  let calls = 0
  return () => (calls++ % 2 === 0 ? throwing() : Promise.reject(new Error('no')))
}

test('one that is told of its own line does not go round in circles', async () => {
  const { meter, points } = bufferedPipeline()
  let lines = 0
  const counter = meter.createCounter('counter')
  logWith((message) => {
    if (!message.startsWith('sluice')) return
    lines++
    counter.add(Number.NaN)
    counter.add(1)
  })
  counter.add(Number.NaN)
  expect(await points()).toEqual([[{}, 1]])
  expect(lines).toBe(1)
})

test('lines of a turn come in their order, and none from the middle of its work', async () => {
  const lines: string[] = []
  const { reader, meter, adapter } = bufferedPipeline({}, { cardinalityLimits: { default: 2 } })
  let isAbsorbing = false
  const absorb = adapter.absorb.bind(adapter)
  adapter.absorb = (series, generation) => {
    isAbsorbing = true
    report('warn', `sluice: ${series.attributes.n}`)
    absorb(series, generation)
    isAbsorbing = false
  }
  logWith((message) => {
    if (message.startsWith('sluice')) lines.push(`${isAbsorbing ? 'amid' : 'after'} ${message}`)
  })
  for (let n = 0; n < 2; n++) meter.createCounter('counter').add(1, { n })
  await reader.flush()
  expect(lines).toEqual(['after sluice: 0', 'after sluice: 1'])
})
