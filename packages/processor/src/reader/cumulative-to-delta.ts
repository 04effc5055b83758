import type { HrTime } from '@opentelemetry/api'
import { type DataPoint, DataPointType } from '@opentelemetry/sdk-metrics'
import { addPoint, type Cell, createCell, type PointValue, subtractCell } from '../aggregation/cell.ts'
import { attributeKey } from '../series/attribute-key.ts'
import type { Stream } from '../series/stream.ts'

interface Seen {
  readonly startTime: HrTime
  readonly cell: Cell
}

/**
 * Turns the cumulative points of a `MetricProducer` into what was added since the point before.
 *
 * A new start time is a reset, and so is a count or monotonic sum that fell: then the whole value is new. Min and max of
 * the time between are not known and left out. It remembers a cell per series of the producer, which has as many itself.
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
    const now = createCell(stream.aggregation)
    addPoint(now, point.value)
    ofStream.set(key, { startTime: point.startTime, cell: now })
    if (last === undefined || !isSameTime(last.startTime, point.startTime)) return point.value
    const delta = now.clone()
    const hasFallen = !subtractCell(delta, last.cell)
    const { aggregation } = stream
    const mayFall = aggregation.type === DataPointType.SUM && !aggregation.isMonotonic
    return hasFallen && !mayFall ? point.value : delta.toValue()
  }
}

function isSameTime(a: HrTime, b: HrTime): boolean {
  return a[0] === b[0] && a[1] === b[1]
}
