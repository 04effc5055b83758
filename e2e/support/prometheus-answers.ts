/** What the HTTP API of Prometheus answers (https://prometheus.io/docs/prometheus/latest/querying/api/). */

export interface VectorSample {
  readonly labels: Readonly<Record<string, string>>
  /** NaN of a native histogram, which has no single value. */
  readonly value: number
  readonly isNative: boolean
}

export interface SeriesExemplars {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly value: string
    /** Seconds since the epoch. */
    readonly timestamp: number
  }[]
}

export interface KnownMetadata {
  readonly target: Readonly<Record<string, string>>
  readonly metric: string
  readonly type: string
  readonly help: string
  readonly unit: string
}

export interface KnownTarget {
  readonly scrapePool: string
  readonly health: 'up' | 'down' | 'unknown'
  /** Empty when the last scrape went well. */
  readonly lastError: string
}

/** By the path of what is asked. */
export interface Answers {
  readonly query: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly value?: readonly [number, string]
      readonly histogram?: unknown
    }[]
  }
  readonly query_exemplars: SeriesExemplars[]
  readonly 'targets/metadata': KnownMetadata[]
  readonly targets: { readonly activeTargets: KnownTarget[] }
}
