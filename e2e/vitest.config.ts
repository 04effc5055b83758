import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

export default defineConfig({
  root: path('.'),
  resolve: {
    // On the sources, as the unit tests.
    alias: {
      '@otel-sluice/processor': path('../packages/processor/src/index.ts'),
      '@otel-sluice/exporter-adapter': path('../packages/exporter-adapter/src/index.ts'),
    },
  },
  test: {
    name: 'e2e',
    include: ['test/**/*.test.ts'],
    // Most of the time is spent waiting for the next scrape.
    maxWorkers: 4,
    // A Prometheus that scrapes each second needs several of them before it knows a rate.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is awkward is a sentence.
    taskTitleValueFormatTruncate: 0,
  },
})
