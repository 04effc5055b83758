import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type ReceivedMetric, startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { expect, test } from 'vitest'

// As a user runs it: built, in a process of its own.
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

function run(endpoint: string): Promise<{ code: number; output: string }> {
  const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
  return new Promise((resolve) => {
    execFile(process.execPath, [main, '--once'], { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr })
    })
  })
}

/** Attributes and value of each point of a metric, in no order. */
function points(metrics: readonly ReceivedMetric[], name: string): Set<unknown> {
  const named = metrics.filter((metric) => metric.name === name)
  return new Set(
    named.flatMap((metric) =>
      metric.points.map((point) => [point.attributes, 'value' in point ? point.value : point.count]),
    ),
  )
}

test('with a collector, every message arrives by the bound counters, the histogram and the gauge', async () => {
  const receiver = await startOtlpReceiver()
  const { code, output } = await run(new URL('/', receiver.url).href)
  await receiver.close()
  expect(output).toMatch(/^4 data points delivered, 0 lost$/m)
  expect(code).toBe(0)
  const metrics = receiver.batches.flatMap((batch) => batch.metrics)
  expect(points(metrics, 'consumer.messages')).toEqual(
    new Set([
      [{ topic: 'orders' }, 90],
      [{ topic: 'refunds' }, 10],
    ]),
  )
  expect(points(metrics, 'consumer.message.wait')).toEqual(new Set([[{}, 100]]))
  expect(points(metrics, 'consumer.lag')).toEqual(new Set([[{}, 0]]))
})

test('without one, it says how many points are lost and why, and the exit code is 1', async () => {
  const receiver = await startOtlpReceiver()
  await receiver.close()
  const { code, output } = await run(new URL('/', receiver.url).href)
  expect(output).toMatch(/lost 4 points \(OTLPMetricExporter: 4\): connect ECONNREFUSED/)
  expect(output).toMatch(/^0 data points delivered, 4 lost$/m)
  expect(output).not.toMatch(/^\s+at /m)
  expect(code).toBe(1)
})
