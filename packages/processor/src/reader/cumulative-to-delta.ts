import type { HrTime } from '@opentelemetry/api'
import type { DataPoint } from '@opentelemetry/sdk-metrics'
import type { PointValue } from '../aggregation/cells.ts'
import { difference } from '../aggregation/difference.ts'
import type { UnixMicros } from '../core/clock.ts'
import { SeenKeys } from '../core/seen-keys.ts'
import type { Slices, TimeSlice } from '../core/time-slice.ts'
import { attributeKey } from '../series/attribute-key.ts'
import type { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { Stream } from '../series/stream.ts'

/** What a producer has given in this many collections is remembered in any case … */
const KEPT_COLLECTIONS = 3
/** … and so is everything while it is no more than this, and than this many times what it gave last. */
const KEPT_SERIES = 10_000
const KEPT_PER_POINT = 2

/** Compares as neither earlier nor later than any other time. */
const UNKNOWN = Number.NaN

const OLDER = 'gave a point that is older than the one before; it is ignored'
const TWICE = 'gave a series twice in one collection; the second point is ignored'
const NOT_FINITE = 'gave a value that is no finite number; it is ignored'
const FORGOTTEN =
  'gives a series again that it had not given for long; it goes on from there, and what was added meanwhile is not counted'

/** The latest point of one series. Times are in µs since the epoch, with a fraction. */
interface Seen {
  start: number
  end: number
  value: PointValue
  /** Number of the collection in which it was given last. */
  collection: number
}

interface SeenStream {
  /** Tells it from others among what is forgotten. */
  readonly number: number
  readonly series: Map<string, Seen>
  /** The latest end of a series that is forgotten. */
  forgottenUntil: UnixMicros
}

/**
 * Turns the cumulative points of one `MetricProducer` into what was added since the point before (OTel data model,
 * "Temporality", "Resets and Gaps", "Overlap").
 *
 * - The first point of a series counts in full.
 * - A point that is older than the last one, by its end, is ignored. So is a second one in one collection that is not newer.
 * - A start that is not before the last end is a reset, and so is a count, a bucket or a monotonic sum that is less: then the
 *   whole value is new. A start that moved within the last window is none, nor is one that equals its end: it is unknown.
 * - Where a time is missing, the value alone decides.
 *
 * It is bounded: what a producer gives no more is forgotten once there is much of it, but not that it was there
 * ({@link SeenKeys}). Should it come back, it counts in full if it started after all that was forgotten; else it goes on from
 * where it is then, and what was added meanwhile is not counted.
 */
export class CumulativeToDelta {
  readonly #keptSeries: number
  readonly #streams = new Map<Stream, SeenStream>()
  readonly #forgotten = new SeenKeys()
  readonly #told = new Set<string>()
  #size = 0
  /** How many points the collection has given so far. */
  #given = 0
  #collection = 0
  #epoch = 0
  /** The first collection of the epoch. */
  #epochCollection = 0

  /** @param keptSeries how many series are remembered, given or not */
  constructor(keptSeries = KEPT_SERIES) {
    this.#keptSeries = keptSeries
  }

  /** How many series it remembers. */
  get size(): number {
    return this.#size
  }

  /** Comes before the points of one collection. A part of longer work. */
  *begin({ epoch, hot }: Pick<Generations, 'epoch' | 'hot'>, slice: TimeSlice): Slices {
    this.#collection++
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#epochCollection = this.#collection
      for (const each of this.#streams.values()) {
        each.forgottenUntil = Math.min(each.forgottenUntil, hot.startUnixMicros)
      }
    }
    const isMuch = this.#size > Math.max(this.#keptSeries, KEPT_PER_POINT * this.#given)
    this.#given = 0
    if (isMuch) yield* this.#forgetBefore(this.#collection - KEPT_COLLECTIONS, hot.startUnixMicros, slice)
  }

  /** @returns what was added; undefined where a point says nothing new */
  next(stream: Stream, point: DataPoint<PointValue>): PointValue | undefined {
    this.#given++
    const { value } = point
    // The next difference would be NaN, and the sum with it, for ever.
    if (!Number.isFinite(typeof value === 'number' ? value : value?.count)) return this.#ignore(stream, NOT_FINITE)
    const ofStream = this.#ofStream(stream)
    const key = attributeKey(point.attributes)
    const start = microsOf(point.startTime)
    const end = microsOf(point.endTime)
    const seen = ofStream.series.get(key)
    if (seen === undefined) return this.#first(stream, ofStream, key, start, end, value)

    const lastEnd = this.#endOf(seen)
    const isAgain = seen.collection === this.#collection && !(end > lastEnd)
    seen.collection = this.#collection
    if (end < lastEnd) return this.#ignore(stream, OLDER)
    if (isAgain) return this.#ignore(stream, TWICE)
    const isNew = start < end && (start > lastEnd || (start === lastEnd && start !== seen.start))
    const added = isNew ? value : (difference(stream.aggregation, value, seen.value) ?? value)
    seen.start = start
    seen.end = Number.isNaN(end) ? lastEnd : end
    seen.value = copyOf(value)
    return added
  }

  #first(
    stream: Stream,
    { number, series, forgottenUntil }: SeenStream,
    key: string,
    start: number,
    end: number,
    value: PointValue,
  ): PointValue | undefined {
    const isNew = (start < end && start > forgottenUntil) || !this.#forgotten.has(`${number} ${key}`)
    // It may be older than what is forgotten, and the next one would count that again.
    if (!isNew && end <= forgottenUntil) return this.#ignore(stream, OLDER)
    series.set(key, { start, end, value: copyOf(value), collection: this.#collection })
    this.#size++
    if (isNew) return value
    this.#tell(stream, FORGOTTEN)
    return difference(stream.aggregation, value, value)
  }

  *#forgetBefore(collection: number, now: UnixMicros, slice: TimeSlice): Slices {
    for (const ofStream of this.#streams.values()) {
      for (const [key, seen] of ofStream.series) {
        if (seen.collection < collection) {
          ofStream.series.delete(key)
          this.#size--
          this.#forgotten.add(`${ofStream.number} ${key}`)
          const end = this.#endOf(seen)
          ofStream.forgottenUntil = Math.max(ofStream.forgottenUntil, Number.isNaN(end) ? now : end)
        }
        if (slice.spent()) yield
      }
    }
  }

  /** An end from before the clock was set back may lie ahead, and says nothing. */
  #endOf(seen: Seen): number {
    return seen.collection < this.#epochCollection ? UNKNOWN : seen.end
  }

  #ofStream(stream: Stream): SeenStream {
    let ofStream = this.#streams.get(stream)
    if (ofStream === undefined) {
      ofStream = { number: this.#streams.size, series: new Map(), forgottenUntil: Number.NEGATIVE_INFINITY }
      this.#streams.set(stream, ofStream)
    }
    return ofStream
  }

  #ignore(stream: Stream, why: string): undefined {
    this.#tell(stream, why)
  }

  /** Each of the lines once. */
  #tell({ descriptor }: Stream, what: string): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    report('warn', `sluice: ${descriptor.name}: a metric producer ${what}`)
  }
}

/** {@link UNKNOWN} where it is missing or makes no sense. OTLP writes 0 for a time that is not known. */
function microsOf(time: HrTime): number {
  const micros = Array.isArray(time) ? time[0] * 1e6 + time[1] / 1e3 : UNKNOWN
  return micros > 0 && micros < Number.POSITIVE_INFINITY ? micros : UNKNOWN
}

/** A producer may go on counting in the object it has given. */
function copyOf(value: PointValue): PointValue {
  return typeof value === 'number' ? value : structuredClone(value)
}
