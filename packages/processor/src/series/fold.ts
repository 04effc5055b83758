import type { UnixMicros } from '../core/clock.ts'
import type { Slices, TimeSlice } from '../core/time-slice.ts'
import type { Generation, Window } from './generation.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'
import { StreamPoints } from './stream-points.ts'

/** {@link AttachedReader.inSlices} */
type InSlices = (count: number, work: (index: number) => void) => Promise<void>

/**
 * Generations folded into one state per series: sums and buckets add, min and max combine, gauges keep the latest.
 *
 * Its size is bounded by the streams' cardinality limits, not by the number of generations: a series beyond the limit is
 * folded into the stream's overflow series, and those that were there before keep their place.
 */
export class Fold {
  readonly #byStream = new Map<Stream, StreamPoints>()
  /** Series come stream by stream, more or less. */
  #latest: StreamPoints | undefined
  #size = 0
  #startUnixMicros = 0
  #endUnixMicros = 0

  /** How many series it holds. */
  get size(): number {
    return this.#size
  }

  /**
   * The time from the start of the first generation to the end of the last one that was absorbed; from the start of a later
   * one where the clock was set back to before the first.
   */
  get window(): Window {
    return { startUnixMicros: this.#startUnixMicros, endUnixMicros: this.#endUnixMicros }
  }

  /**
   * Adds what a series did in a generation. Copies it. Generations come in the order of time, and a series comes once in
   * each.
   *
   * @returns true when it became part of a point that was there already
   */
  absorb(series: Series, generation: Generation): boolean {
    const { startUnixMicros } = generation
    if (this.#size === 0 || startUnixMicros < this.#startUnixMicros) this.#startUnixMicros = startUnixMicros
    this.#endUnixMicros = generation.endUnixMicros
    const points = this.#pointsOf(series.stream)
    const target = points.placeFor(series)
    const isNew = !points.has(target)
    if (isNew) {
      points.add(target, startUnixMicros)
      target.hold()
      this.#size++
    }
    points.merge(target, generation.cellsOf(series.stream), series, generation.endUnixMicros)
    return !isNew
  }

  /** @internal Forgets what a series has been up to now: its next point starts anew, with what it has been at since. */
  restart(series: Series, generation: Generation, value: number): void {
    const points = this.#pointsOf(series.stream)
    if (!points.has(series)) this.absorb(series, generation)
    // Beyond the limit it has no point of its own, and the overflow series has not begun anew.
    if (points.has(series)) points.restart(series, generation, value)
  }

  /** What it holds, by stream. */
  streams(): Iterable<StreamPoints> {
    return this.#byStream.values()
  }

  /**
   * Takes all points out and leaves it empty. All get one window, that of everything that was absorbed (OTel spec, metrics
   * SDK, "Start timestamps": the delta points of one collection start together); a gauge keeps the time it was set in.
   */
  take(): StreamPoints[] {
    const taken = this.#leave()
    for (const points of taken) for (const series of points.series) series.letGo()
    return taken
  }

  /** As {@link take}, a few ms at a time: it is empty at once, and the points are there when the promise resolves. */
  async takeInSlices(inSlices: InSlices): Promise<StreamPoints[]> {
    const taken = this.#leave()
    for (const { series } of taken) await inSlices(series.length, (i) => series[i]!.letGo())
    return taken
  }

  /** @internal The clock was set back: see {@link StreamPoints.setBack}. */
  *setBack(startUnixMicros: UnixMicros, endUnixMicros: UnixMicros, slice: TimeSlice): Slices {
    for (const points of this.#byStream.values()) {
      yield* slice.rangeOf(points.size, (i) => points.setBack(i, startUnixMicros, endUnixMicros))
    }
  }

  /** @internal Takes out the points that are not to be kept, in time slices; nothing else may use it meanwhile. */
  *keepOnly(keep: (points: StreamPoints, index: number) => boolean, slice: TimeSlice): Slices {
    for (const points of this.#byStream.values()) {
      const dropped: Series[] = []
      yield* slice.rangeOf(points.size, (i) => {
        if (!keep(points, i)) dropped.push(points.series[i]!)
      })
      if (dropped.length === 0) continue
      this.#size -= dropped.length
      yield* points.remove(new Set(dropped), slice)
      yield* slice.eachOf(dropped, (series) => series.letGo())
      if (points.size === 0) this.#drop(points)
    }
  }

  #pointsOf(stream: Stream): StreamPoints {
    if (this.#latest?.stream === stream) return this.#latest
    let points = this.#byStream.get(stream)
    if (points === undefined) {
      points = new StreamPoints(stream)
      this.#byStream.set(stream, points)
    }
    this.#latest = points
    return points
  }

  #leave(): StreamPoints[] {
    const { window } = this
    const taken = [...this.#byStream.values()]
    for (const points of taken) points.stamp(window)
    this.#byStream.clear()
    this.#latest = undefined
    this.#size = 0
    return taken
  }

  #drop(points: StreamPoints): void {
    this.#byStream.delete(points.stream)
    if (this.#latest === points) this.#latest = undefined
  }
}
