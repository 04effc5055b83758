import type { AdapterStats } from '../pipeline/exporter-adapter.ts'

/** What a {@link BufferingMetricReader} has done so far; see `stats()`. Counts never decrease. */
export interface ReaderStats {
  /** Whole turns: collect, freeze, drain, release. */
  readonly turns: number
  /** Streams and series (attribute sets of all streams) known. */
  readonly streams: number
  readonly series: number
  /**
   * Measurements that no instrument of the buffer could take (NaN, negative, no number at all), and points of a
   * `MetricProducer` that could not be read.
   */
  readonly droppedMeasurements: number
  /** Callbacks, or whole collections, that failed or timed out, and metrics and points that could not be read. */
  readonly collectErrors: number
  /** Collections that had not settled when their turn went on; their data counts in a later turn. */
  readonly lateCollections: number
  /** Series that an adapter was given and threw at, or ended the process at. */
  readonly adapterFaults: number
  /** The latest turn: when it began, its length and the part of it spent waiting for the SDK, and how many series it moved. */
  readonly lastTurn?: {
    readonly startedUnixMillis: number
    readonly durationMillis: number
    readonly collectMillis: number
    readonly series: number
  }
  /** The longest time our own work has held the event loop, in ms; GC pauses that fell into it included. */
  readonly longestSliceMillis: number
  /** In the order of the `adapters` option. */
  readonly adapters: readonly { readonly name: string; readonly stats: AdapterStats }[]
}
