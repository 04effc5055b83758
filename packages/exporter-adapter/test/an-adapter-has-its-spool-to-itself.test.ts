import { relative } from 'node:path'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter, type PushExporterAdapterOptions } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'
import { deadIdentity, directoryOfThisTest, openSpoolsWith, ProcessFs } from './support/spool-fs.ts'

beforeEach(() => {
  diagLog()
  openSpoolsWith(() => ({ fs: new ProcessFs(), identity: deadIdentity(0) }))
})
afterEach(() => {
  vi.restoreAllMocks()
})

function readerOf(...options: readonly PushExporterAdapterOptions[]): BufferingMetricReader {
  return new BufferingMetricReader({
    adapters: options.map((each) => new PushExporterAdapter(new ScriptedExporter(), each)),
  })
}

const register = (...readers: BufferingMetricReader[]) => new MeterProvider({ readers })

test('two adapters of one name in one folder are refused, with both options and their values', async () => {
  const spoolDirectory = directoryOfThisTest()
  const reader = readerOf({ spoolDirectory }, { spoolDirectory })
  expect(() => register(reader)).toThrow(
    `the same name (ScriptedExporter) and spoolDirectory (${spoolDirectory}), and after a crash each would send what the other has left`,
  )
  await reader.shutdown()
})

test('also in two readers, and where the folder is written in another way', async () => {
  const spoolDirectory = directoryOfThisTest()
  const first = readerOf({ spoolDirectory })
  const second = readerOf({ spoolDirectory: `${relative(process.cwd(), spoolDirectory)}/` })
  register(first)
  expect(() => register(second)).toThrow('the same name (ScriptedExporter) and spoolDirectory (..')
  // What was refused does not take the place of the one that is there, not even when it ends.
  await second.shutdown()
  expect(() => register(readerOf({ spoolDirectory }))).toThrow('the same name')
  await first.shutdown()
})

test('names of their own, or folders, or no spool are as good as ever', async () => {
  const [one, other] = [directoryOfThisTest(), directoryOfThisTest()]
  const reader = readerOf(
    { spoolDirectory: one },
    { spoolDirectory: other },
    { spoolDirectory: one, name: 'b' },
    { name: 'b' },
    {},
  )
  register(reader)
  await reader.shutdown()
})

test('one that was never registered, or that was shut down, is in nobody’s way', async () => {
  const spoolDirectory = directoryOfThisTest()
  readerOf({ spoolDirectory })
  for (let i = 0; i < 2; i++) {
    const reader = readerOf({ spoolDirectory })
    register(reader)
    await reader.shutdown()
  }
})

test('nor is a reader that was refused, once it is shut down', async () => {
  const spoolDirectory = directoryOfThisTest()
  const refused = readerOf({ spoolDirectory }, { spoolDirectory })
  expect(() => register(refused)).toThrow()
  await refused.shutdown()
  const reader = readerOf({ spoolDirectory })
  register(reader)
  await reader.shutdown()
})
