import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url))

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  resolve: {
    alias: {
      '@otel-sluice/processor': source('processor/src/index.ts'),
      '@otel-sluice/exporter-adapter': source('exporter-adapter/src/index.ts'),
    },
  },
  test: { name: 'dominance', include: ['*.test.ts'], disableConsoleIntercept: true },
})
