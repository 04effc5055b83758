import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests run on the sources; the packed packages are checked apart.
    alias: {
      '@otel-sluice/processor': source('./packages/processor/src/index.ts'),
      '@otel-sluice/example-otlp-receiver': source('./examples/otlp-receiver/src/index.ts'),
      '@otel-sluice/exporter-adapter': source('./packages/exporter-adapter/src/index.ts'),
    },
  },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'compat/instrumentations/test/**/*.test.ts',
      'compat/shadow/test/**/*.test.ts',
    ],
    setupFiles: [source('./packages/exporter-adapter/test/support/broken-logger.ts')],
    testTimeout: 20_000,
  },
})
