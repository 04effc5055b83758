import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Cell } from '../aggregation/cell.ts'
import type { UnixMicros } from '../core/clock.ts'
import type { TimeSlice } from '../core/time-slice.ts'
import { Fold, type FoldedPoint } from './fold.ts'
import type { Generation } from './generation.ts'
import type { Series } from './series.ts'

/**
 * The running fold of all generations since the start, for consumers that want cumulative points.
 *
 * The start of a series is the start of the generation it first appeared in, and repeats; its end is the end of the last
 * generation drained, whether or not the series was recorded in that one.
 */
export class CumulativeView {
  readonly #fold = new Fold()
  readonly #slice: TimeSlice
  readonly #staleAfterMicros: number | undefined
  #endUnixMicros: UnixMicros = 0

  /** @param staleAfterMillis how long a series may go unrecorded before it is dropped; default: for ever */
  constructor(slice: TimeSlice, staleAfterMillis?: number) {
    this.#slice = slice
    this.#staleAfterMicros = staleAfterMillis === undefined ? undefined : staleAfterMillis * 1000
  }

  /** End of the last generation drained into it, in µs since the epoch: the end time of every point it shows. */
  get endUnixMicros(): UnixMicros {
    return this.#endUnixMicros
  }

  /** @internal Begins a generation; every touched series of a wanted stream follows by {@link absorb}. */
  open(generation: Generation): void {
    this.#endUnixMicros = generation.endUnixMicros
  }

  /** @internal */
  absorb(series: Series, cell: Cell, generation: Generation): void {
    this.#fold.absorb(series, cell, generation)
  }

  /**
   * @internal Drops what has gone stale: it is exported no more, and starts anew should it come back. UpDownCounters that
   * are not zero stay: what they count is still there, and a later decrement would have nothing to take from.
   */
  async dropStale(): Promise<void> {
    if (this.#staleAfterMicros === undefined) return
    const oldest = this.#endUnixMicros - this.#staleAfterMicros
    await this.#fold.keepOnly((point) => point.endUnixMicros >= oldest || isNonZeroUpDown(point), this.#slice)
  }

  /**
   * Visits every point there is to export, a few milliseconds at a time. Points of one stream come together.
   *
   * An asynchronous series that was not observed in the last generation is left out, though its sum is remembered. The
   * points are live: copy what is to be kept. Call it between turns only ({@link AttachedReader.betweenTurns}).
   */
  async visit(visitor: (point: FoldedPoint) => void): Promise<void> {
    await this.#slice.each(this.#fold.points(), (point) => {
      if (!point.series.stream.isAsynchronous || point.endUnixMicros === this.#endUnixMicros) visitor(point)
    })
  }
}

function isNonZeroUpDown({ series, cell }: FoldedPoint): boolean {
  const { aggregation } = series.stream
  return aggregation.type === DataPointType.SUM && !aggregation.isMonotonic && cell.toValue() !== 0
}
