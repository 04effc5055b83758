/** An attribute value as it was on the wire; bytes stay apart from text. */
export type PlainValue =
  | string
  | number
  | boolean
  | null
  | { readonly base64: string }
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue }

export type PlainAttributes = Readonly<Record<string, PlainValue>>

export type Temporality = 'unspecified' | 'delta' | 'cumulative'

interface ReceivedPoint {
  readonly attributes: PlainAttributes
  /** Nanoseconds since the epoch; 0 where the sender left it out. */
  readonly startUnixNanos: bigint
  readonly endUnixNanos: bigint
}

export interface NumberPoint extends ReceivedPoint {
  readonly value: number
}

interface DistributionPoint extends ReceivedPoint {
  readonly count: number
  /** Not sent for instruments that take negative values. */
  readonly sum?: number
  readonly min?: number
  readonly max?: number
}

export interface HistogramPoint extends DistributionPoint {
  readonly bucketCounts: readonly number[]
  readonly explicitBounds: readonly number[]
}

export interface ExponentialBuckets {
  readonly offset: number
  readonly bucketCounts: readonly number[]
}

export interface ExponentialHistogramPoint extends DistributionPoint {
  readonly scale: number
  readonly zeroCount: number
  readonly zeroThreshold: number
  readonly positive: ExponentialBuckets
  readonly negative: ExponentialBuckets
}

export interface ReceivedScope {
  readonly name: string
  readonly version: string
  readonly attributes: PlainAttributes
}

interface MetricOrigin {
  readonly resource: PlainAttributes
  readonly scope: ReceivedScope
  readonly name: string
  readonly unit: string
  readonly description: string
}

/** One metric of a batch, flat: with the resource and the scope it came under. */
export type ReceivedMetric = MetricOrigin &
  (
    | { readonly kind: 'gauge'; readonly points: readonly NumberPoint[] }
    | {
        readonly kind: 'sum'
        readonly temporality: Temporality
        readonly isMonotonic: boolean
        readonly points: readonly NumberPoint[]
      }
    | { readonly kind: 'histogram'; readonly temporality: Temporality; readonly points: readonly HistogramPoint[] }
    | {
        readonly kind: 'exponential-histogram'
        readonly temporality: Temporality
        readonly points: readonly ExponentialHistogramPoint[]
      }
  )

export type Protocol = 'http/protobuf' | 'http/json' | 'grpc'

/** One request that was taken in. */
export interface TakenBatch {
  readonly protocol: Protocol
  readonly metrics: readonly ReceivedMetric[]
}
