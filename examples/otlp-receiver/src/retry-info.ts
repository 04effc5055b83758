import { Metadata } from '@grpc/grpc-js'

/**
 * The trailer by which a gRPC server says when to retry (OTLP specification, "OTLP/gRPC Throttling"): a
 * `google.rpc.Status` with a `google.rpc.RetryInfo` among its details. Written by hand, for no package at hand has them.
 */
export function retryInfo(code: number, seconds: number): Metadata {
  const duration = varintField(1, seconds)
  const info = lengthField(1, duration)
  const any = Buffer.concat([
    lengthField(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')),
    lengthField(2, info),
  ])
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', Buffer.concat([varintField(1, code), lengthField(3, any)]))
  return metadata
}

function varintField(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varint(value)])
}

function lengthField(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content])
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]
}
