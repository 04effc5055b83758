import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const tree = mkdtempSync(join(tmpdir(), 'sluice-imports-'))
copyFileSync(join(root, 'biome.json'), join(tree, 'biome.json'))
afterAll(() => rmSync(tree, { recursive: true }))

/** What the project's linter says of a file at this place that imports that. */
function lint(path: string, from: string, source = `export * from '${from}'\n`): string {
  const file = join(tree, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, source)
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/biome'), ['lint', '--vcs-enabled=false', path], {
    cwd: tree,
    encoding: 'utf8',
  })
  expect(stdout + stderr).toContain('Checked 1 file')
  return stdout + stderr
}

test.each([
  ['packages/processor/src/core/x.ts', '../aggregation/cells.ts'],
  ['packages/processor/src/core/x.ts', '@opentelemetry/api'],
  ['packages/processor/src/aggregation/x.ts', '../series/fold.ts'],
  ['packages/processor/src/series/x.ts', '../pipeline/drain.ts'],
  ['packages/processor/src/pipeline/x.ts', '../reader/collection.ts'],
  ['packages/processor/src/core/x.ts', '../buffer/views.ts'],
  ['packages/processor/src/aggregation/x.ts', '../buffer/views.ts'],
  ['packages/processor/src/series/x.ts', '../buffer/views.ts'],
  ['packages/processor/src/pipeline/x.ts', '../buffer/views.ts'],
  ['packages/processor/src/buffer/x.ts', '../reader/collection.ts'],
  ['packages/processor/src/reader/x.ts', '@otel-sluice/exporter-adapter'],
  ['packages/processor/src/buffer/x.ts', '@otel-sluice/exporter-adapter'],
  ['packages/exporter-adapter/src/push/x.ts', '@otel-sluice/processor/dist/series/fold.js'],
  ['packages/exporter-adapter/src/push/x.ts', '../../../processor/src/series/fold.ts'],
])('the linter does not let %s import %s', (path, from) => {
  expect(lint(path, from)).toContain('noRestrictedImports')
})

test.each([
  ['packages/processor/src/reader/x.ts', '../buffer/metrics-buffer.ts'],
  ['packages/processor/src/buffer/x.ts', '../series/report.ts'],
  ['packages/processor/src/series/x.ts', '../core/clock.ts'],
  ['packages/exporter-adapter/src/push/x.ts', '@otel-sluice/processor'],
])('the linter lets %s import %s', (path, from) => {
  expect(lint(path, from)).not.toContain('noRestrictedImports')
})

const DIAG = "import { diag } from '@opentelemetry/api'\n\ndiag.info('line')\n"

test.each([
  'packages/processor/src/core/x.ts',
  'packages/processor/src/aggregation/x.ts',
  'packages/processor/src/series/x.ts',
  'packages/processor/src/pipeline/x.ts',
  'packages/processor/src/buffer/x.ts',
  'packages/processor/src/reader/x.ts',
  'packages/exporter-adapter/src/x.ts',
  'packages/exporter-adapter/src/push/x.ts',
  'packages/exporter-adapter/src/prometheus/http/x.ts',
  'packages/exporter-adapter/src/spool/x.ts',
])('the linter does not let %s call the logger past report()', (path) => {
  expect(lint(path, '@opentelemetry/api', DIAG)).toContain('noRestrictedImports')
})

test('the linter lets report() call the logger, and others import the rest of the API', () => {
  expect(lint('packages/processor/src/series/report.ts', '@opentelemetry/api', DIAG)).not.toContain(
    'noRestrictedImports',
  )
  const context = "import { context } from '@opentelemetry/api'\n\ncontext.active()\n"
  expect(lint('packages/processor/src/buffer/x.ts', '@opentelemetry/api', context)).not.toContain('noRestrictedImports')
})
