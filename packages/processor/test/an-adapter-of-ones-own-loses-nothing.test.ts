import { readFileSync } from 'node:fs'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { expect, test } from 'vitest'
import { LineAdapter } from './support/line-adapter.ts'

test('the adapter that CONTRIBUTING.md shows delivers everything once, through failures and while it is recorded to', async () => {
  const written: string[] = []
  let failing = false
  const adapter = new LineAdapter(async (lines) => {
    counter.add(100)
    await new Promise((resolve) => setImmediate(resolve))
    if (failing) throw new Error('the socket is full')
    written.push(...lines)
  })
  const reader = new BufferingMetricReader({ adapters: [adapter] })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('jobs')
  counter.add(1)
  await reader.forceFlush()
  failing = true
  await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: 1 points \(LineAdapter: 1\): the socket is full/)
  failing = false
  await reader.forceFlush()
  expect(written).toEqual(['jobs 1', 'jobs 100', 'jobs 100'])
  expect(reader.stats().adapters[0]!.stats).toMatchObject({ offeredPoints: 3, deliveredPoints: 3, pendingPoints: 0 })
})

test('CONTRIBUTING.md shows it as it is tested here', () => {
  const here = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  expect(here('../../../CONTRIBUTING.md')).toContain(here('./support/line-adapter.ts').trim())
})
