// A small shop that Prometheus scrapes. Start it, then: curl localhost:9464; curl localhost:9464/metrics

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { metrics } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

// Without `server: false` the endpoint opens a server of its own; this shop has one already.
const endpoint = new PrometheusEndpoint({ server: false })
const reader = new BufferingMetricReader({ adapters: [endpoint] })
const provider = new MeterProvider({ readers: [reader] })
metrics.setGlobalMeterProvider(provider)

const meter = metrics.getMeter('shop')
const orders = meter.createCounter('shop.orders', { description: 'Orders taken' })
const duration = meter.createHistogram('shop.order.duration', {
  description: 'Time to take an order',
  unit: 's',
  advice: { explicitBucketBoundaries: [0.01, 0.02, 0.03, 0.04, 0.05] },
})

const server = createServer(async (request, response) => {
  if (request.url === '/metrics') return endpoint.handler(request, response)
  const startedMillis = performance.now()
  await sleep(Math.random() * 50)
  orders.add(1, { item: Math.random() < 0.5 ? 'tea' : 'coffee' })
  duration.record((performance.now() - startedMillis) / 1000)
  response.end('Thank you for your order.\n')
})

const port = process.env.PORT || '9464'
try {
  await once(server.listen(Number(port), 'localhost'), 'listening')
} catch (error) {
  console.log(`Port ${port} cannot be used (${(error as NodeJS.ErrnoException).code}), taking a free one`)
  await once(server.listen(0, 'localhost'), 'listening')
}
const url = `http://localhost:${(server.address() as AddressInfo).port}`
console.log(`Order at ${url}, metrics are at ${url}/metrics`)

// A signal may come twice (npm passes on what the terminal has sent already), so stopping twice has to be harmless.
function stop(): void {
  server.close()
  void provider.shutdown()
}
process.on('SIGINT', stop).on('SIGTERM', stop)

if (process.argv.includes('--once')) {
  await fetch(url)
  const text = await (await fetch(`${url}/metrics`)).text()
  console.log(text)
  if (!text.includes('shop_orders_total{')) process.exitCode = 1
  stop()
}
