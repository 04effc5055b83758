import { diag } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { INTERVAL } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, directoryOfThisTest, forgetLivingSpools, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

let lines: string[]
beforeEach(() => {
  vi.useFakeTimers()
  lines = diagLog()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  diag.disable()
})

/** One that lets everything pass, as that of another package may. */
function resourceOf(attributes: Resource['attributes']): Resource {
  const resource: Resource = {
    attributes,
    asyncAttributesPending: false,
    merge: () => resource,
    getRawAttributes: () => [],
  }
  return resource
}

function processOn(spoolDirectory: string, n: number, answer: 'failBefore' | 'success', ofResource = {}) {
  const fs = new ProcessFs()
  openSpoolsWith(() => ({ fs, identity: deadIdentity(n) }))
  const exporter = new ScriptedExporter(AggregationTemporality.DELTA)
  exporter.answer = answer
  const adapter = new PushExporterAdapter(exporter, { name: 'exporter', spoolDirectory })
  const reader = new BufferingMetricReader({ adapters: [adapter], exportIntervalMillis: INTERVAL })
  const provider = new MeterProvider({ readers: [reader], resource: resourceOf(ofResource) })
  const die = () => {
    fs.isDead = true
    forgetLivingSpools()
  }
  return { exporter, reader, meter: provider.getMeter('test'), stats: () => adapter.stats(), die }
}

test.each([
  ['a function', () => {}, 'a function'],
  ['a symbol', Symbol('secret'), 'Symbol(secret)'],
  ['a promise', Promise.resolve(), 'an object'],
  ['an object with a function in it', { inner: { secret() {} } }, 'an object'],
])('an attribute that is %s keeps no other from the disk', async (what, value, shown) => {
  const directory = directoryOfThisTest()
  const first = processOn(directory, 0, 'failBefore')
  const name = `odd with ${what}`
  first.meter.createCounter('fine').add(1)
  first.meter.createCounter(name).add(2, { odd: value as never, even: 2, also: null as never })
  await first.reader.flush()
  first.meter.createCounter(name).add(3, { odd: value as never, even: 2, also: null as never })
  await first.reader.flush()
  expect(first.stats().spoolError).toBeUndefined()
  expect(lines.filter((line) => line.includes('left out'))).toEqual([
    `warn sluice: ${name}: an attribute must be text, a number, a boolean, bytes, or an array or a map of these, got ${shown}: "odd" is left out (reported once)`,
  ])
  first.die()

  const next = processOn(directory, 1, 'success')
  await vi.advanceTimersByTimeAsync(INTERVAL)
  expect(next.exporter.receiver.total('fine')).toBe(1)
  expect(next.exporter.receiver.total(name, { even: 2, also: null })).toBe(5)
})

test('an attribute of the resource that cannot be saved is left out alone', async () => {
  const directory = directoryOfThisTest()
  const first = processOn(directory, 0, 'failBefore', { ofService: (() => {}) as never, 'service.instance.id': '0 ' })
  first.meter.createCounter('fine').add(1)
  await first.reader.flush()
  expect(first.stats().spoolError).toBeUndefined()
  expect(lines).toContain(
    'warn sluice: the resource: an attribute must be text, a number, a boolean, bytes, or an array or a map of these, got a function: "ofService" is left out (reported once)',
  )
  first.die()

  const next = processOn(directory, 1, 'success')
  await vi.advanceTimersByTimeAsync(INTERVAL)
  expect(next.exporter.receiver.total('fine', {}, '0 ')).toBe(1)
})
