import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { installBuilt } from './install-built.ts'

installBuilt()

const { resolve } = createRequire(import.meta.url)

// The test files lie in another package, which has another SDK: what they import is what this package resolves.
const PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  '@otel-sluice/exporter-adapter',
  '@otel-sluice/processor',
]

const shadow = (path: string): string => fileURLToPath(new URL(`../shadow/${path}`, import.meta.url))

export default defineConfig({
  root: shadow('.'),
  resolve: { alias: PACKAGES.map((name) => ({ find: new RegExp(`^${name}$`), replacement: resolve(name) })) },
  test: {
    name: 'SDK 2',
    include: ['test/**/*.test.ts'],
    env: { SLUICE_EXPECTED_SDK: '2.12.0' },
    setupFiles: [fileURLToPath(new URL('./setup.ts', import.meta.url))],
    testTimeout: 20_000,
  },
})
