import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, Exemplar, Series, Stream, StreamPoints, UnixMicros } from '@otel-sluice/processor'
import { type SampleWriter, type WrittenPoints, writerOf } from './sample-writer.ts'

/** A point whose labels others may have, too. */
export interface SharedPoint {
  readonly points: StreamPoints
  readonly index: number
  readonly exemplars: readonly Exemplar[]
}

/** What became of series that had the same labels. */
export interface SharedOutcome {
  /** Became part of another one. */
  readonly merged: number
  /** Could not, and are left out. */
  readonly dropped: number
  /** Attributes of two that met, for what is said of it. */
  readonly example: readonly SharedPoint[]
}

/**
 * Writes one point for each set of labels, in slices: sums and explicit histograms of the same boundaries add up, of gauges the
 * one that was set last counts. What cannot become one with the first is left out.
 *
 * @param shared by block
 */
export async function writeShared(
  writer: SampleWriter,
  shared: ReadonlyMap<number, readonly SharedPoint[]>,
  inSlices: AttachedReader['inSlices'],
): Promise<SharedOutcome> {
  let merged = 0
  let dropped = 0
  let example: readonly SharedPoint[] = []
  const entries = shared.entries()
  await inSlices(shared.size, () => {
    const [block, all] = entries.next().value!
    const kept = all.filter((point) => mayJoin(point, all[0]!))
    dropped += all.length - kept.length
    merged += kept.length - 1
    if (all.length > 1) example = all
    writeOne(writer, block, kept)
  })
  return { merged, dropped, example }
}

function mayJoin({ points }: SharedPoint, { points: first }: SharedPoint): boolean {
  if (points === first) return points.stream.aggregation.type !== DataPointType.EXPONENTIAL_HISTOGRAM
  const a = points.stream.aggregation
  const b = first.stream.aggregation
  if (a.type === DataPointType.HISTOGRAM) {
    return (
      b.type === a.type &&
      a.boundaries.length === b.boundaries.length &&
      a.boundaries.every((each, i) => each === b.boundaries[i])
    )
  }
  return a.type !== DataPointType.EXPONENTIAL_HISTOGRAM && b.type !== DataPointType.HISTOGRAM
}

function writeOne(writer: SampleWriter, block: number, kept: readonly SharedPoint[]): void {
  const exemplars = kept.flatMap((point) => point.exemplars)
  const { points, index } = kept[0]!
  if (kept.length === 1) writerOf(points.stream, writer)(block, points, index, exemplars)
  else writerOf(points.stream, writer)(block, new AddedUp(kept), 0, exemplars)
}

/** Several points as one. */
class AddedUp implements WrittenPoints {
  readonly #kept: readonly SharedPoint[]
  readonly stream: Stream
  readonly series: readonly Series[]

  constructor(kept: readonly SharedPoint[]) {
    const { points, index } = kept[0]!
    this.#kept = kept
    this.stream = points.stream
    this.series = [points.series[index]!]
  }

  /** The sum; where there are gauges among them the one that was set last, of several at the same time the first. */
  numberOf(): number {
    if (this.#kept.every(({ points }) => points.stream.aggregation.type === DataPointType.SUM)) {
      return this.#kept.reduce((sum, { points, index }) => sum + points.numberOf(index), 0)
    }
    const { points, index } = this.#kept.reduce((last, each) => (endOf(each) > endOf(last) ? each : last))
    return points.numberOf(index)
  }

  valueOf(): number {
    return this.numberOf()
  }

  histogramInto(_index: number, into: Float64Array): void {
    const cells = new Float64Array(into.length)
    let hasSum = true
    into.fill(0)
    for (const { points, index } of this.#kept) {
      points.histogramInto(index, cells)
      cells.forEach((each, i) => {
        into[i]! += each
      })
      hasSum &&= !Object.is(cells.at(-1), -0)
    }
    if (!hasSum) into[into.length - 1] = -0
  }

  startUnixMicrosOf(): UnixMicros {
    const startOf = ({ points, index }: SharedPoint) => points.startUnixMicrosOf(index)
    return this.#kept.reduce((first, each) => Math.min(first, startOf(each)), Number.POSITIVE_INFINITY)
  }
}

function endOf({ points, index }: SharedPoint): UnixMicros {
  return points.endUnixMicrosOf(index)
}
