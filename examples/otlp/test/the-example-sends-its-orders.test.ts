import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
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

test('with a collector, every order arrives and the exit code is 0', async () => {
  const receiver = await startOtlpReceiver()
  const { code, output } = await run(new URL('/', receiver.url).href)
  await receiver.close()
  expect(output).toMatch(/^3 data points delivered, 0 undelivered$/m)
  expect(code).toBe(0)
  expect(receiver.ledger.total('shop.orders')).toBe(100)
  expect(receiver.ledger.total('shop.order.amount')).toBe(100)
})

test('without one, it says how many points are undelivered and why, and the exit code is 1', async () => {
  const receiver = await startOtlpReceiver()
  await receiver.close()
  const { code, output } = await run(new URL('/', receiver.url).href)
  expect(output).toMatch(/left undelivered: 3 points \(OTLPMetricExporter: 3\): connect ECONNREFUSED/)
  expect(output).not.toMatch(/^\s+at /m)
  expect(code).toBe(1)
})
