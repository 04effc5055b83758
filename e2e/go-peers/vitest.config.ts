import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

export default defineConfig({
  root: path('.'),
  resolve: {
    // On the sources, as the unit tests.
    alias: {
      '@otel-sluice/processor': path('../../packages/processor/src/index.ts'),
      '@otel-sluice/example-otlp-receiver': path('../../examples/otlp-receiver/src/index.ts'),
      '@otel-sluice/exporter-adapter': path('../../packages/exporter-adapter/src/index.ts'),
    },
  },
  test: {
    name: 'Go peers',
    include: ['test/**/*.test.ts'],
    // Most of the time is spent waiting for the next scrape.
    maxWorkers: 4,
    // What is stopped and started again needs some seconds to be ready.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
