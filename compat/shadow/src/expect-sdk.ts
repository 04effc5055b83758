import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { MetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

/** The version of the SDK this run is about. */
export const EXPECTED_SDK = process.env.SLUICE_EXPECTED_SDK ?? '3.1.0'

/** The versions of a package that the tests, our processor and our adapter are really running on. */
export function versionsInUse(dependency: string): Record<'processor' | 'exporter-adapter', string> {
  return {
    processor: versionSeenFrom(
      throwingFile(() => Reflect.construct(BufferingMetricReader, [undefined])),
      dependency,
    ),
    'exporter-adapter': versionSeenFrom(
      throwingFile(() => Reflect.construct(PushExporterAdapter, [undefined])),
      dependency,
    ),
  }
}

/** Whether the tests and our processor share one copy of the SDK, so that its version is the tests' version too. */
export function isOneSdk(): boolean {
  return Object.getPrototypeOf(BufferingMetricReader) === MetricReader
}

/** @throws Error unless everything runs on the expected SDK; a run on any other proves nothing about it */
export function expectSdk(): void {
  const versions = versionsInUse('@opentelemetry/sdk-metrics')
  if (!isOneSdk() || Object.values(versions).some((version) => version !== EXPECTED_SDK)) {
    throw new Error(
      `expected SDK ${EXPECTED_SDK} for the tests, the processor and the adapter, and found ${JSON.stringify(versions)}` +
        (isOneSdk() ? '' : ' and another copy for the tests'),
    )
  }
}

/** The file that code was really loaded from: it stands in the stack of an error thrown there. */
function throwingFile(construct: () => unknown): string {
  try {
    construct()
  } catch (error) {
    const frame = /(?:file:\/\/)?(\/[^\s()]+|[A-Z]:[^\s()]+?):\d+:\d+/.exec((error as Error).stack ?? '')
    if (frame !== null) return decodeURI(frame[1]!)
  }
  throw new Error('a constructor without options threw nothing, so where it was loaded from is not known')
}

function versionSeenFrom(file: string, dependency: string): string {
  let directory = dirname(createRequire(file).resolve(dependency))
  for (;;) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
      const { name, version } = manifest as { name?: string; version?: string }
      if (name === dependency && version !== undefined) return version
    } catch {
      // No package.json here; the package begins further up.
    }
    const parent = dirname(directory)
    if (parent === directory) throw new Error(`no package.json of ${dependency} above the file it resolves to`)
    directory = parent
  }
}
