import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import express from 'express'
import fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { get } from './support/scraped.ts'

function mounted(): PrometheusEndpoint {
  const endpoint = new PrometheusEndpoint({ server: false })
  const reader = new BufferingMetricReader({ adapters: [endpoint] })
  const provider = new MeterProvider({ readers: [reader] })
  reader.buffer.getMeter('test').createCounter('c').add(7)
  onTestFinished(() => provider.shutdown())
  return endpoint
}

async function urlOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function expectMetricsAt(url: string): Promise<void> {
  const { status, text } = await get(url)
  expect([status, text]).toEqual([200, expect.stringContaining('c_total{otel_scope_name="test"} 7\n')])
}

test('an http.Server', async () => {
  const { handler } = mounted()
  const url = await urlOf(
    createServer((request, response) => {
      if (request.url === '/internal/metrics') handler(request, response)
      else response.writeHead(404).end()
    }),
  )
  await expectMetricsAt(`${url}/internal/metrics`)
  expect((await get(`${url}/other`)).status).toBe(404)
})

test('an app of express', async () => {
  const app = express()
  app.use('/metrics', mounted().handler)
  await expectMetricsAt(`${await urlOf(createServer(app))}/metrics`)
})

test('an app of fastify', async () => {
  const { handler } = mounted()
  const app = fastify()
  app.get('/metrics', (request, reply) => {
    reply.hijack()
    handler(request.raw, reply.raw)
  })
  onTestFinished(() => app.close())
  await expectMetricsAt(`${await app.listen({ port: 0, host: '127.0.0.1' })}/metrics`)
})
