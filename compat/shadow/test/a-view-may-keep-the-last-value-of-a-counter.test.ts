import { AggregationType } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { bufferBesideSdk, values } from '../src/side-by-side.ts'

const LAST = [{ instrumentName: '*', aggregation: { type: AggregationType.LAST_VALUE } }] as const

// Recording without attributes has a way of its own in the buffer, and so has what is bound.
test.each(['createCounter', 'createUpDownCounter'] as const)(
  'where a view keeps the last value, the buffer does so also without attributes (%s)',
  async (create) => {
    const { meters, flush, end } = bufferBesideSdk('delta', [...LAST])
    for (const meter of Object.values(meters)) {
      const counter = meter[create]('requests')
      for (const value of [1, 2, 5]) counter.add(value)
    }
    const { ours, stock } = await flush()
    expect(values(ours)).toEqual([5])
    expect(values(stock)).toEqual([5])
    await end()
  },
)
