import type { HrTime } from '@opentelemetry/api'
import type { DataPoint } from '@opentelemetry/sdk-metrics'
import type { PointValue } from '../aggregation/cells.ts'
import { difference } from '../aggregation/difference.ts'
import { attributeKey } from '../series/attribute-key.ts'
import type { Stream } from '../series/stream.ts'

interface Seen {
  readonly startTime: HrTime
  readonly value: PointValue
}

/**
 * Turns the cumulative points of a `MetricProducer` into what was added since the point before.
 *
 * A new start time is a reset, and so is a count or monotonic sum that fell: then the whole value is new. It remembers a
 * value per series of the producer, which has as many itself.
 */
export class CumulativeToDelta {
  readonly #seen = new Map<Stream, Map<string, Seen>>()

  next(stream: Stream, point: DataPoint<PointValue>): PointValue {
    let ofStream = this.#seen.get(stream)
    if (ofStream === undefined) {
      ofStream = new Map()
      this.#seen.set(stream, ofStream)
    }
    const key = attributeKey(point.attributes)
    const last = ofStream.get(key)
    // Copied: a producer may go on counting in the object it has given.
    ofStream.set(key, { startTime: point.startTime, value: structuredClone(point.value) })
    if (last === undefined || !isSameTime(last.startTime, point.startTime)) return point.value
    return difference(stream.aggregation, point.value, last.value) ?? point.value
  }
}

function isSameTime(a: HrTime, b: HrTime): boolean {
  return a[0] === b[0] && a[1] === b[1]
}
