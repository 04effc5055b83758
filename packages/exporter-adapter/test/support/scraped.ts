import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { MeterProvider, type MeterProviderOptions } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint, type PrometheusEndpointOptions } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, type BufferingMetricReaderOptions } from '@otel-sluice/processor'
import { onTestFinished } from 'vitest'

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly text: string
}

export const OPENMETRICS = 'application/openmetrics-text;version=1.0.0'
export const UTF8 = 'text/plain;version=1.0.0;escaping=allow-utf-8'
export const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

/** A GET over a connection of its own. */
export function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, agent: false }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => {
        const raw = Buffer.concat(pieces)
        const body = response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
        resolve({ status: response.statusCode!, headers: response.headers, body, text: body.toString() })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

interface Setup extends PrometheusEndpointOptions {
  readonly reader?: Partial<BufferingMetricReaderOptions>
  readonly provider?: MeterProviderOptions
}

/** A pipeline with an endpoint that listens on a free port until the end of the test. */
export async function served({ reader: readerOptions, provider: providerOptions, ...options }: Setup = {}) {
  const endpoint = new PrometheusEndpoint({ port: 0, ...options })
  const reader = new BufferingMetricReader({ ...readerOptions, adapters: [endpoint] })
  const provider = new MeterProvider({ ...providerOptions, readers: [reader] })
  const { host, port } = await endpoint.ready
  onTestFinished(() => reader.shutdown({ timeoutMillis: 1000 }).catch(() => {}))
  const url = `http://${host}:${port}${options.path ?? '/metrics'}`
  return {
    endpoint,
    reader,
    provider,
    url,
    meter: reader.buffer.getMeter('test'),
    scrape: (accept?: string, headers: Readonly<Record<string, string>> = {}) =>
      get(url, { ...headers, ...(accept !== undefined && { accept }) }),
  }
}
