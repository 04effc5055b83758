import { ValueType } from '@opentelemetry/api'
import { InstrumentType } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { createDescriptor } from '../src/buffer/instrument-descriptor.ts'
import { diagLog } from './support/diag-log.ts'

const { COUNTER } = InstrumentType

test.each(['', '1a', '_a', 'a b', 'ä', 'a?', 'a\n', 'a'.repeat(256)])('%j is told and used', (name) => {
  const log = diagLog()
  expect(createDescriptor(name, COUNTER, undefined).name).toBe(name)
  expect(log).toHaveLength(1)
  expect(log[0]).toContain(`warn sluice: ${JSON.stringify(name)} is not a valid instrument name`)
})

test.each(['a', 'Z9', 'http.server/request_duration-x', 'a'.repeat(255)])('%j is used without a word', (name) => {
  const log = diagLog()
  expect(createDescriptor(name, COUNTER, undefined).name).toBe(name)
  expect(log).toEqual([])
})

test.each([undefined, {}, { unit: null, description: null, valueType: undefined, advice: null } as never])(
  'what is not given is empty, and a double (%j)',
  (options) => {
    expect(createDescriptor('a', COUNTER, options)).toEqual({
      name: 'a',
      description: '',
      unit: '',
      type: COUNTER,
      valueType: ValueType.DOUBLE,
      advice: {},
    })
  },
)

test('what is given is kept', () => {
  const options = {
    description: 'of a',
    unit: 'ms',
    valueType: ValueType.INT,
    advice: { explicitBucketBoundaries: [1] },
  }
  expect(createDescriptor('a', COUNTER, options)).toEqual({ name: 'a', type: COUNTER, ...options })
})
