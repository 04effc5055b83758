import { DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import { Clock } from '../../packages/processor/dist/core/clock.js'
import { Generations } from '../../packages/processor/dist/series/generations.js'
import { Stream } from '../../packages/processor/dist/series/stream.js'
import { attributeSets } from './data.mjs'

/**
 * The freeze as it is inside: the reader has no call for the freeze alone. `touchAll` records every series, `freeze`
 * swaps them out and is what is timed, `release` makes room for the next.
 */
export function prepareFreeze(series) {
  const generations = new Generations(new Clock())
  const descriptor = { name: 'm', description: '', unit: '', valueType: 1, type: InstrumentType.COUNTER, advice: {} }
  const aggregation = { type: DataPointType.SUM, isMonotonic: true }
  const stream = new Stream({ name: 'bench' }, descriptor, InstrumentType.COUNTER, aggregation, series)
  const sets = attributeSets(series)
  return {
    touchAll() {
      for (const set of sets) generations.hot.add(stream, set, 1)
    },
    freeze: () => generations.freeze(),
    release: (frozen) => generations.release(frozen),
  }
}
