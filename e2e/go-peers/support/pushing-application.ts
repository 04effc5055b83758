import type { Meter } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'
import { exponential, MAKERS, type Maker, SERVICE } from '../../support/application.ts'
import { until } from '../../support/until.ts'

/** Turns come when a test asks for one. */
const NEVER_MILLIS = 2 ** 31 - 1

/** An application that delivers to one exporter, and knows what it has recorded. */
export class PushingApplication {
  readonly #provider: MeterProvider
  readonly #reader: BufferingMetricReader
  readonly #record: readonly ((value: number) => void)[]
  /** What was added to each of `orders`, and how often. */
  ordered = 0
  times = 0

  constructor(exporter: PushMetricExporter) {
    const views = [exponential('*.latency')]
    const buffer = new MetricsBuffer({ views })
    this.#reader = new BufferingMetricReader({
      adapters: [new PushExporterAdapter(exporter)],
      buffer,
      exportIntervalMillis: NEVER_MILLIS,
    })
    const resource = resourceFromAttributes(SERVICE)
    this.#provider = new MeterProvider({ readers: [this.#reader], resource, views })
    const makers = { sdk: this.#provider, buffer }
    this.#record = MAKERS.flatMap((maker) => recordersOf(makers[maker].getMeter(maker), maker))
  }

  /** Adds to `orders`, and records one amount in `sizes` and in `latency`, of the SDK and of the buffer each. */
  order(value: number): void {
    this.ordered += value
    this.times++
    for (const record of this.#record) record(value)
  }

  /** Tries once. */
  flush(): Promise<void> {
    return this.#reader.forceFlush()
  }

  /** A channel that has seen its server go needs a moment to find it again; how long is the exporter's affair. */
  async untilDelivered(): Promise<void> {
    await until('a delivery', async () => {
      await this.flush()
      return true
    })
  }

  get stats() {
    return this.#reader.stats().adapters[0]!.stats
  }

  stop(): Promise<void> {
    return this.#provider.shutdown()
  }
}

function recordersOf(meter: Meter, prefix: Maker): ((value: number) => void)[] {
  const orders = meter.createCounter(`${prefix}.orders`, { unit: '{order}' })
  const sizes = meter.createHistogram(`${prefix}.sizes`, { unit: 'By' })
  const latency = meter.createHistogram(`${prefix}.latency`, { unit: 'ms' })
  return [
    (value) => orders.add(value, { item: 'tea' }),
    (value) => sizes.record(value),
    (value) => latency.record(value),
  ]
}
