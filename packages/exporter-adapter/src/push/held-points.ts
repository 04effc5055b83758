import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, Stream, StreamPoints, Window } from '@otel-sluice/processor'
import type { Points } from '../metric-data.ts'
import type { InSlices, RecordedResource } from './parcel-record.ts'

/** What goes into each record. */
export interface RecordContext {
  readonly resource: RecordedResource
  readonly maxBatchSize: number
  readonly inSlices: InSlices<Promise<void>>
}

/** The open parcel. */
export interface OpenPoints {
  readonly streams: readonly Points[]
  readonly window: Window
  readonly points: number
}

/** Everything that an adapter holds. */
export interface HeldPoints {
  readonly open: OpenPoints
  /** The delta section of the sealed parcel. */
  readonly sealed:
    | {
        readonly streams: readonly Points[]
        /** Those that are in batches which are not finished. */
        readonly points: number
        readonly finished: readonly number[]
        /** Whether `ParcelSpool.seal` has been called for it. */
        readonly isNamed: boolean
      }
    | undefined
  /** The latest cumulative points, if they are not delivered. */
  readonly cumulative: readonly StreamPoints[]
}

/** How many. */
export function pointsIn(streams: readonly Points[]): number {
  return streams.reduce((sum, { size }) => sum + size, 0)
}

/** As they will be once the parcel is sealed. */
export function stampedStreams({ streams, window }: OpenPoints): Points[] {
  return streams.map((points) => stamped(points, window))
}

function stamped(points: Points, window: Window): Points {
  const isGauge = points.stream.aggregation.type === DataPointType.GAUGE
  return {
    stream: points.stream,
    size: points.size,
    series: points.series,
    valueOf: (index) => points.valueOf(index),
    startUnixMicrosOf: () => window.startUnixMicros,
    endUnixMicrosOf: (index) =>
      isGauge ? Math.min(points.endUnixMicrosOf(index), window.endUnixMicros) : window.endUnixMicros,
  }
}

/** How many points of the view have something in them that was drained later: whatever was sealed then does not have it. */
export function pointsAfter(
  unixMicros: number,
  view: AttachedReader['cumulative'],
  isWanted: (stream: Stream) => boolean,
): number {
  // What was sealed before the clock was set back has nothing of the times since.
  const since = unixMicros > view.endUnixMicros ? 0 : unixMicros
  let count = 0
  for (const points of view.streams()) {
    if (!isWanted(points.stream)) continue
    for (let i = 0; i < points.size; i++) {
      if (points.endUnixMicrosOf(i) > since && view.shows(points, i)) count++
    }
  }
  return count
}
