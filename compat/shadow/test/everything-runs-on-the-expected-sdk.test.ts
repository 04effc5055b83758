import { expect, test } from 'vitest'
import { EXPECTED_SDK, isOneSdk, versionsInUse } from '../src/expect-sdk.ts'

test(`our processor and our adapter resolve SDK ${EXPECTED_SDK}`, () => {
  expect(versionsInUse('@opentelemetry/sdk-metrics')).toEqual({
    processor: EXPECTED_SDK,
    'exporter-adapter': EXPECTED_SDK,
  })
})

test('the tests and our processor share one copy of the SDK', () => {
  expect(isOneSdk()).toBe(true)
})

test('SDK 2 comes with API 1.9, SDK 3 with 1.10', () => {
  const api = EXPECTED_SDK.startsWith('2.') ? /^1\.9\./ : /^1\.10\./
  const versions = versionsInUse('@opentelemetry/api')
  expect(versions.processor).toMatch(api)
  expect(versions['exporter-adapter']).toMatch(api)
})
