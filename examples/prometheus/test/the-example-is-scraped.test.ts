import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

// As a user runs it: built, in a process of its own.
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

test('it shows its metrics on a free port where the wanted one is taken, and says so', async () => {
  const other = createServer()
  await once(other.listen(0, 'localhost'), 'listening')
  const { port } = other.address() as AddressInfo
  const env = { ...process.env, PORT: String(port) }
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, [main, '--once'], { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr })
    })
  })
  other.close()
  expect(output).toContain(`Port ${port} cannot be used (EADDRINUSE), taking a free one`)
  expect(output).toMatch(/^shop_orders_total\{.*\} 1$/m)
  expect(output).toMatch(/^shop_order_duration_seconds_count\{.*\} 1$/m)
  expect(code).toBe(0)
})
