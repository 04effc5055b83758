import { createRequire } from 'node:module'
import type { OtlpRequest } from './otlp-json.ts'

/** The part of a generated message class that is used here; the package declares no types for it. */
interface MessageClass {
  decode(bytes: Uint8Array): object
  toObject(message: object, options: { longs: StringConstructor; bytes: StringConstructor }): unknown
}

interface GeneratedRoot {
  readonly opentelemetry: {
    readonly proto: {
      readonly collector: { readonly metrics: { readonly v1: { readonly ExportMetricsServiceRequest: MessageClass } } }
    }
  }
}

// 0.210 is the last release that generates decoders for requests: later ones can only write them.
const root = createRequire(import.meta.url)(
  '@opentelemetry/otlp-transformer/build/src/generated/root.js',
) as GeneratedRoot

const { ExportMetricsServiceRequest } = root.opentelemetry.proto.collector.metrics.v1

/** @throws Error when the bytes are no such message */
export function decodeRequest(bytes: Uint8Array): OtlpRequest {
  const message = ExportMetricsServiceRequest.decode(bytes)
  // 64-bit integers as strings: nanoseconds since the epoch do not fit a double.
  return ExportMetricsServiceRequest.toObject(message, { longs: String, bytes: String }) as OtlpRequest
}
