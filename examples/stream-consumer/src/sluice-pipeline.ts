import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import type { Backend } from './backend.ts'
import { BackendExporter } from './backend-exporter.ts'
import type { Message, MessageMetrics } from './consumer.ts'

/** The same measurements with the OpenTelemetry API, flushed by Sluice. */
export class SluicePipeline implements MessageMetrics {
  readonly #provider: MeterProvider
  readonly #recordMessage: (message: Message) => void

  constructor(backend: Backend) {
    const reader = new BufferingMetricReader({
      adapters: [new PushExporterAdapter(new BackendExporter(backend))],
      // Longer than any run: the consumer says when to flush.
      exportIntervalMillis: 3_600_000,
    })
    this.#provider = new MeterProvider({ readers: [reader] })
    const meter = this.#provider.getMeter('stream-consumer')
    const messages = meter.createCounter('consumer.messages')
    const duration = meter.createHistogram('consumer.duration', { unit: 'ms' })
    this.#recordMessage = ({ topic, millis }) => {
      messages.add(1, { topic })
      duration.record(millis, { topic })
    }
  }

  record(message: Message): void {
    this.#recordMessage(message)
  }

  flush(): Promise<boolean> {
    return this.#provider.forceFlush().then(
      () => true,
      // What did not arrive is held, and goes with a later flush.
      () => false,
    )
  }

  shutdown(): Promise<void> {
    return this.#provider.shutdown()
  }
}
