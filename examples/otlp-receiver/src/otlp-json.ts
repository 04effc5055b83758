/**
 * An ExportMetricsServiceRequest in the OTLP/JSON mapping, as far as it is read here. Decoded protobuf is brought into the
 * same form. 64-bit integers are decimal strings, though JSON senders may send numbers; numbers that JSON does not have
 * are strings (`"NaN"`, `"Infinity"`); what has its default value may be missing.
 */
export interface OtlpRequest {
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly OtlpKeyValue[] }
    readonly scopeMetrics?: readonly {
      readonly scope?: {
        readonly name?: string
        readonly version?: string
        readonly attributes?: readonly OtlpKeyValue[]
      }
      readonly metrics?: readonly OtlpMetric[]
    }[]
  }[]
}

export type OtlpNumber = number | string

export interface OtlpKeyValue {
  readonly key: string
  readonly value?: OtlpAnyValue
}

export interface OtlpAnyValue {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: OtlpNumber
  readonly doubleValue?: OtlpNumber
  readonly arrayValue?: { readonly values?: readonly OtlpAnyValue[] }
  readonly kvlistValue?: { readonly values?: readonly OtlpKeyValue[] }
  readonly bytesValue?: string
}

export interface OtlpMetric {
  readonly name?: string
  readonly unit?: string
  readonly description?: string
  readonly gauge?: { readonly dataPoints?: readonly OtlpNumberPoint[] }
  readonly sum?: OtlpTemporal<OtlpNumberPoint> & { readonly isMonotonic?: boolean }
  readonly histogram?: OtlpTemporal<OtlpHistogramPoint>
  readonly exponentialHistogram?: OtlpTemporal<OtlpExponentialHistogramPoint>
}

interface OtlpTemporal<Point> {
  readonly aggregationTemporality?: number | string
  readonly dataPoints?: readonly Point[]
}

export interface OtlpPoint {
  readonly attributes?: readonly OtlpKeyValue[]
  readonly startTimeUnixNano?: OtlpNumber
  readonly timeUnixNano?: OtlpNumber
}

export interface OtlpNumberPoint extends OtlpPoint {
  readonly asInt?: OtlpNumber
  readonly asDouble?: OtlpNumber
}

export interface OtlpDistributionPoint extends OtlpPoint {
  readonly count?: OtlpNumber
  readonly sum?: OtlpNumber
  readonly min?: OtlpNumber
  readonly max?: OtlpNumber
}

export interface OtlpHistogramPoint extends OtlpDistributionPoint {
  readonly bucketCounts?: readonly OtlpNumber[]
  readonly explicitBounds?: readonly OtlpNumber[]
}

export interface OtlpBuckets {
  readonly offset?: number
  readonly bucketCounts?: readonly OtlpNumber[]
}

export interface OtlpExponentialHistogramPoint extends OtlpDistributionPoint {
  readonly scale?: number
  readonly zeroCount?: OtlpNumber
  readonly zeroThreshold?: OtlpNumber
  readonly positive?: OtlpBuckets
  readonly negative?: OtlpBuckets
}
