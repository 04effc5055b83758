import type { MeterProvider as ApiMeterProvider, Meter } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, MeterProvider, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { PrometheusEndpoint } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader, MetricsBuffer } from '@otel-sluice/processor'

export type PrometheusEndpointOptions = NonNullable<ConstructorParameters<typeof PrometheusEndpoint>[0]>

export interface ApplicationOptions {
  /** Where it is served. Default: a free port. */
  readonly port?: number
  /** Options of the endpoint beside the port. */
  readonly endpoint?: Omit<PrometheusEndpointOptions, 'port'>
  /** Apply to both kinds of instruments. */
  readonly views?: ViewOptions[]
}

/** What its scrapes are answered with. */
export interface Scraped {
  readonly contentType: string
  readonly body: Buffer
}

export const SERVICE = { 'service.name': 'shop', 'service.version': '1.2.3', 'service.instance.id': 'shop-1' }

/** Which instruments are used: those of the SDK, or ours that are fast. Both are exposed by one endpoint. */
export const MAKERS = ['sdk', 'buffer'] as const
export type Maker = (typeof MAKERS)[number]

/** An application that is instrumented, and its endpoint. */
export class Application {
  readonly #provider: MeterProvider
  readonly #makers: Readonly<Record<Maker, ApiMeterProvider>>
  readonly url: string
  #stopped: Promise<void> | undefined

  private constructor(provider: MeterProvider, buffer: MetricsBuffer, url: string) {
    this.#provider = provider
    this.#makers = { sdk: provider, buffer }
    this.url = url
  }

  static async start({ port = 0, endpoint: options = {}, views = [] }: ApplicationOptions = {}): Promise<Application> {
    const endpoint = new PrometheusEndpoint({ ...options, port })
    const buffer = new MetricsBuffer({ exemplarFilter: 'always_on', views })
    const reader = new BufferingMetricReader({ adapters: [endpoint], buffer })
    const provider = new MeterProvider({ readers: [reader], resource: resourceFromAttributes(SERVICE), views })
    const bound = await endpoint.ready
    return new Application(provider, buffer, `http://${authority(bound.host)}:${bound.port}/metrics`)
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  meter(maker: Maker, name = `e2e-${maker}`): Meter {
    return this.#makers[maker].getMeter(name, '1.0.0')
  }

  /** @throws Error when it is not answered with 200 */
  async scrape(accept: string): Promise<Scraped> {
    const response = await fetch(this.url, { headers: { accept } })
    const body = Buffer.from(await response.arrayBuffer())
    if (response.status !== 200) throw new Error(`the scrape answered ${response.status}: ${body}`)
    return { contentType: response.headers.get('content-type') ?? '', body }
  }

  /** Ends it, once; its port is free again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#provider.shutdown()
    return this.#stopped
  }
}

/** A view that makes exponential histograms of instruments. */
export function exponential(instrumentName: string): ViewOptions {
  return { instrumentName, aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }
}

function authority(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
