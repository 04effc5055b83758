import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { Client, credentials } from '@grpc/grpc-js'
import type { OtlpMetric, OtlpRequest } from '../../src/otlp-json.ts'

/** A whole request around some metrics. */
export function requestOf(...metrics: OtlpMetric[]): OtlpRequest {
  return {
    resourceMetrics: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
        scopeMetrics: [{ scope: { name: 'meter', version: '1.2.3' }, metrics }],
      },
    ],
  }
}

/** A delta counter with one point over (start, end], in nanoseconds. */
export function deltaCounter(name: string, value: number, start = '1000', end = '2000'): OtlpMetric {
  return {
    name,
    sum: {
      aggregationTemporality: 1,
      isMonotonic: true,
      dataPoints: [{ startTimeUnixNano: start, timeUnixNano: end, asInt: String(value) }],
    },
  }
}

export async function postJson(url: string, request: OtlpRequest, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(request), ...(signal && { signal }) })
}

export async function postProtobuf(url: string, request: OtlpRequest): Promise<Response> {
  const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' }
  return fetch(url, { method: 'POST', headers, body: new Uint8Array(gzipSync(encode(request))) })
}

/** Rejects with a gRPC ServiceError. */
export function callGrpc(url: string, request: OtlpRequest): Promise<Buffer> {
  const client = new Client(new URL(url).host, credentials.createInsecure())
  return new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      encode(request),
      { deadline: Date.now() + 5_000 },
      (error, response) => (error ? reject(error) : resolve(response ?? Buffer.alloc(0))),
    )
  }).finally(() => client.close())
}

interface MessageClass {
  fromObject(object: object): object
  encode(message: object): { finish(): Uint8Array }
}

function encode(request: OtlpRequest): Buffer {
  const root = createRequire(import.meta.url)('@opentelemetry/otlp-transformer/build/src/generated/root.js')
  const message = root.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest as MessageClass
  return Buffer.from(message.encode(message.fromObject(request)).finish())
}
