import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonExporter,
} from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { MeterProvider, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
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
  grpc: ({ grpcUrl }: Pick<OtlpReceiver, 'grpcUrl'>, timeoutMillis: number) =>
    new GrpcExporter({ url: grpcUrl, timeoutMillis, temporalityPreference }),
}
export type OtlpProtocol = keyof typeof protocols

/** A receiver and a pipeline with an OTLP exporter to it, over real sockets. */
export async function otlpPipeline(protocol: OtlpProtocol, timeoutMillis = 300) {
  const receiver = await startOtlpReceiver({ grpc: true })
  const { provider, ...pipeline } = pipelineTo(protocols[protocol](receiver, timeoutMillis))
  return {
    receiver,
    ...pipeline,
    end: async () => {
      await provider.shutdown()
      await receiver.close()
    },
  }
}

/** A pipeline with an exporter to whatever it is for. */
export function pipelineTo(exporter: PushMetricExporter) {
  const reader = new BufferingMetricReader({ adapters: [new PushExporterAdapter(exporter)] })
  const provider = new MeterProvider({ readers: [reader] })
  const counter = provider.getMeter('shop').createCounter('orders')
  return { provider, reader, counter, stats: () => reader.stats().adapters[0]!.stats }
}

/** A channel that has seen its server go needs a moment to find it again; how long is the exporter's affair. */
export async function untilDelivered(reader: BufferingMetricReader): Promise<void> {
  await vi.waitFor(() => reader.forceFlush(), { timeout: 15_000, interval: 50 })
}
