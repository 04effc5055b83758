// What every cell lives through: recording, an export that fails, recovery, a scrape over HTTP, shutdown.

const assert = require('node:assert/strict')
const http = require('node:http')

/** `AggregationTemporality.DELTA` */
const DELTA = 0

/**
 * @param {object} modules what the program imported or required, each from where the cell wants it
 */
module.exports = async function scenario({
  metrics,
  MeterProvider,
  InMemoryMetricExporter,
  PrometheusExporter,
  BufferingMetricReader,
  PushExporterAdapter,
  PullExporterAdapter,
}) {
  /** Takes nothing at the first call, and remembers every call. */
  class FailsOnce extends InMemoryMetricExporter {
    calls = []
    export(resourceMetrics, done) {
      this.calls.push(structuredClone(resourceMetrics.scopeMetrics))
      if (this.calls.length > 1) super.export(resourceMetrics, done)
      else setImmediate(done, { code: 1, error: new Error('not today') })
    }
  }

  const push = new FailsOnce(DELTA)
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const reader = new BufferingMetricReader({
    adapters: [new PushExporterAdapter(push), new PullExporterAdapter(prometheus)],
  })
  const provider = new MeterProvider({ readers: [reader] })
  assert.ok(metrics.setGlobalMeterProvider(provider))

  const meter = metrics.getMeter('matrix')
  const orders = meter.createCounter('shop.orders')
  // The same stream, recorded past the SDK.
  const teaOrders = reader.buffer.getMeter('matrix').createCounter('shop.orders').bind({ item: 'tea' })
  const duration = meter.createHistogram('shop.duration', { advice: { explicitBucketBoundaries: [1, 10] } })
  meter.createObservableGauge('shop.queue').addCallback((queue) => queue.observe(3))

  orders.add(5, { item: 'tea' })
  duration.record(0.5)
  await assert.rejects(reader.forceFlush(), /undelivered.*not today/)
  assert.ok(reader.stats().adapters[0].stats.pendingPoints > 0, 'what was not delivered is held')

  orders.add(3, { item: 'tea' })
  teaOrders.add(4)
  orders.add(1, { item: 'coffee' })
  duration.record(4)
  await provider.forceFlush()
  // After what is new: nobody knows whether it had arrived.
  assert.deepEqual(push.calls[2], push.calls[0], 'the failed batch is resent unchanged')
  assert.equal(push.calls.length, 3)

  const server = http.createServer((request, response) => prometheus.getMetricsRequestHandler(request, response))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const text = await scrape(server.address().port)
  assert.match(text, /^shop_orders_total\{[^}]*item="tea"[^}]*\} 12$/m)
  assert.match(text, /^shop_orders_total\{[^}]*item="coffee"[^}]*\} 1$/m)
  assert.match(text, /^shop_duration_count\S* 2$/m)
  assert.match(text, /^shop_duration_sum\S* 4\.5$/m)
  assert.match(text, /^shop_duration_bucket\{[^}]*le="1"\} 1$/m)
  assert.match(text, /^shop_queue\S* 3$/m)
  await new Promise((resolve) => server.close(resolve))

  orders.add(2, { item: 'coffee' })
  await provider.shutdown()
  const delivered = push.calls.slice(1)
  assert.equal(sumOf(delivered, 'shop.orders', 'tea'), 12)
  assert.equal(sumOf(delivered, 'shop.orders', 'coffee'), 3)
  const durations = pointsOf(delivered, 'shop.duration').map(({ value }) => value)
  assert.deepEqual(
    durations.map(({ count, sum, buckets }) => [count, sum, buckets.counts]),
    [
      [1, 4, [0, 1, 0]],
      [1, 0.5, [1, 0, 0]],
    ],
  )
  for (const { stats } of reader.stats().adapters) {
    assert.equal(stats.pendingPoints, 0)
    assert.deepEqual(stats.lostPoints, { ...stats.lostPoints, rejected: 0, shutdown: 0 })
  }
  assert.equal(reader.stats().collectErrors, 0)
}

function pointsOf(calls, name) {
  const metricsOf = calls.flatMap((scopes) => scopes.flatMap(({ metrics }) => metrics))
  return metricsOf.filter(({ descriptor }) => descriptor.name === name).flatMap(({ dataPoints }) => dataPoints)
}

function sumOf(calls, name, item) {
  const points = pointsOf(calls, name).filter(({ attributes }) => attributes.item === item)
  return points.reduce((sum, { value }) => sum + value, 0)
}

function scrape(port) {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`the scrape answered ${response.statusCode}: ${text}`))
      })
    })
    request.on('error', reject)
  })
}
