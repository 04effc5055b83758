import { HistogramRecorder } from './histogram-recorder.ts'
import type { Recorder } from './recorder.ts'
import { ScalarRecorder } from './scalar-recorder.ts'
import type { SeriesLookup } from './series-lookup.ts'

/** What records into the stream of a lookup. */
export function seriesRecorder(lookup: SeriesLookup): Recorder {
  return lookup.target.stream.isScalar ? new ScalarRecorder(lookup) : new HistogramRecorder(lookup)
}
