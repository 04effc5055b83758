import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { UnixMicros } from '../core/clock.ts'
import { finishAtOnce, type Slices, type TimeSlice } from '../core/time-slice.ts'
import type { Exemplar, ExemplarReservoir } from './exemplar.ts'
import { Fold } from './fold.ts'
import type { Generation } from './generation.ts'
import type { Series } from './series.ts'
import type { Stream } from './stream.ts'
import { StreamPoints } from './stream-points.ts'

const NONE: readonly Exemplar[] = []

/**
 * The running fold of all generations since the start, for consumers that want cumulative points.
 *
 * The start of a series is the start of the generation it first appeared in, and repeats; its end is the end of the last
 * generation drained, whether or not the series was recorded in that one.
 *
 * When the clock is set back, sums go on: to begin anew would lose what somebody has not been given yet. A start that lies
 * ahead by then moves to the start of the new epoch, the others stay (docs/decisions/0030).
 */
export class CumulativeView {
  readonly #fold = new Fold()
  readonly #slice: TimeSlice
  readonly #staleAfterMicros: number | undefined
  #exemplars = new WeakMap<Series, ExemplarReservoir>()
  #hasExemplars = false
  #endUnixMicros: UnixMicros = 0
  #observedEndUnixMicros: UnixMicros = 0

  /** @param staleAfterMillis how long a series may go unrecorded before it is dropped; default: for ever */
  constructor(slice: TimeSlice, staleAfterMillis?: number) {
    this.#slice = slice
    this.#staleAfterMicros = staleAfterMillis === undefined ? undefined : staleAfterMillis * 1000
  }

  /** End of the last generation drained into it, in µs since the epoch: the end time of every point it shows. */
  get endUnixMicros(): UnixMicros {
    return this.#endUnixMicros
  }

  /**
   * @internal Begins a generation; every touched series of a wanted stream follows by {@link absorb}.
   *
   * @param isObserved whether callbacks were called for it; else what was observed last is still shown
   */
  *open(generation: Generation, isObserved: boolean): Slices {
    const { startUnixMicros, endUnixMicros } = generation
    const isSetBack = startUnixMicros < this.#endUnixMicros
    if (isSetBack) {
      // What was observed last is still shown unless something newer was observed.
      yield* this.#fold.setBack(startUnixMicros, isObserved ? startUnixMicros : endUnixMicros, this.#slice)
      // Their times lie ahead: none of them would make way for a later one.
      this.#exemplars = new WeakMap()
    }
    this.#endUnixMicros = endUnixMicros
    if (isObserved || isSetBack) this.#observedEndUnixMicros = endUnixMicros
  }

  /** @internal */
  absorb(series: Series, generation: Generation): void {
    const sinceRestart = generation.restartOf(series)
    if (sinceRestart === undefined) this.#fold.absorb(series, generation)
    else this.#fold.restart(series, generation, sinceRestart)
    const examples = generation.examplesOf(series)
    if (examples !== undefined) this.#keepExamples(series, examples, generation)
  }

  /**
   * @internal Drops what has gone stale: it is exported no more, and starts anew should it come back. UpDownCounters that
   * are not zero stay: what they count is still there, and a later decrement would have nothing to take from.
   */
  *dropStale(): Slices {
    if (this.#staleAfterMicros === undefined) return
    const oldest = this.#endUnixMicros - this.#staleAfterMicros
    yield* this.#fold.keepOnly(
      (points, i) => points.endUnixMicrosOf(i) >= oldest || isNonZeroUpDown(points, i),
      this.#slice,
    )
  }

  /** What there is, by stream, to be read in place: between drains only ({@link AttachedReader.betweenDrains}). */
  streams(): Iterable<StreamPoints> {
    return this.#fold.streams()
  }

  /** Whether one of the {@link streams}' points is to be exported: an asynchronous one that was not observed last is not. */
  shows(points: StreamPoints, index: number): boolean {
    return !points.stream.isAsynchronous || points.endUnixMicrosOf(index) >= this.#observedEndUnixMicros
  }

  /** Whether there ever was an example of a measurement. */
  get hasExemplars(): boolean {
    return this.#hasExemplars
  }

  /** The latest examples of a series' measurements; none unless they are sampled. */
  exemplarsOf(series: Series): readonly Exemplar[] {
    return this.#hasExemplars ? (this.#exemplars.get(series)?.exemplars ?? NONE) : NONE
  }

  /**
   * Copies every point there is to export of the streams that are wanted: as numbers, a few milliseconds at a time. All end
   * at {@link endUnixMicros}. An asynchronous series that was not observed in the last generation is left out, though its
   * sum is remembered. Call it between turns only ({@link AttachedReader.betweenTurns}).
   */
  async capture(isWanted: (stream: Stream) => boolean): Promise<StreamPoints[]> {
    const captured: StreamPoints[] = []
    await this.#slice.run(this.#captureInto(captured, isWanted))
    return captured
  }

  /** The same, without giving way: for the end of a process. What callbacks observed last is still shown. */
  captureAtOnce(isWanted: (stream: Stream) => boolean): StreamPoints[] {
    const captured: StreamPoints[] = []
    finishAtOnce(this.#captureInto(captured, isWanted))
    return captured
  }

  #keepExamples(series: Series, examples: ExemplarReservoir, { endUnixMicros }: Generation): void {
    this.#hasExemplars = true
    const kept = this.#exemplars.get(series) ?? examples.empty()
    kept.take(examples, endUnixMicros)
    this.#exemplars.set(series, kept)
  }

  *#captureInto(captured: StreamPoints[], isWanted: (stream: Stream) => boolean): Slices {
    for (const points of this.#fold.streams()) {
      if (!isWanted(points.stream)) continue
      const copy = new StreamPoints(points.stream)
      yield* this.#slice.rangeOf(points.size, (i) => {
        if (this.shows(points, i)) copy.copy(points, i)
      })
      copy.endAt(points.stream.isAsynchronous ? this.#observedEndUnixMicros : this.#endUnixMicros)
      if (copy.size > 0) captured.push(copy)
    }
  }
}

function isNonZeroUpDown(points: StreamPoints, index: number): boolean {
  const { aggregation } = points.stream
  return aggregation.type === DataPointType.SUM && !aggregation.isMonotonic && points.valueOf(index) !== 0
}
