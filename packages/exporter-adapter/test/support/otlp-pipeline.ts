import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonExporter,
} from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { type OtlpReceiver, startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { vi } from 'vitest'

const temporalityPreference = AggregationTemporalityPreference.DELTA

/** Exporters as they are configured in the field, but for time-outs that a test can wait for. */
export const protocols = {
  protobuf: ({ url }: OtlpReceiver, timeoutMillis: number) =>
    new ProtobufExporter({ url, timeoutMillis, temporalityPreference }),
  json: ({ url }: OtlpReceiver, timeoutMillis: number) =>
    new JsonExporter({ url, timeoutMillis, temporalityPreference }),
  grpc: ({ grpcUrl }: OtlpReceiver, timeoutMillis: number) =>
    new GrpcExporter({ url: grpcUrl, timeoutMillis, temporalityPreference }),
}
export type OtlpProtocol = keyof typeof protocols

/** A receiver and a pipeline with an OTLP exporter to it, over real sockets. */
export async function otlpPipeline(protocol: OtlpProtocol, timeoutMillis = 300) {
  const receiver = await startOtlpReceiver({ grpc: true })
  const reader = new BufferingMetricReader({
    adapters: [new PushExporterAdapter(protocols[protocol](receiver, timeoutMillis))],
  })
  const provider = new MeterProvider({ readers: [reader] })
  const counter = provider.getMeter('shop').createCounter('orders')
  return {
    receiver,
    reader,
    counter,
    stats: () => reader.stats().adapters[0]!.stats,
    end: async () => {
      await provider.shutdown()
      await receiver.close()
    },
  }
}

/** A channel that has seen its server go needs a moment to find it again; how long is the exporter's affair. */
export async function untilDelivered(reader: BufferingMetricReader): Promise<void> {
  await vi.waitFor(() => reader.forceFlush(), { timeout: 15_000, interval: 50 })
}
