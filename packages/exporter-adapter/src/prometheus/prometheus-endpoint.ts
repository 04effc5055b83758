import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AggregationOption,
  AggregationTemporality,
  AggregationType,
  type InstrumentType,
} from '@opentelemetry/sdk-metrics'
import type { AdapterStats, AttachedReader, ExporterAdapter } from '@otel-sluice/processor'
import { report } from '@otel-sluice/processor'
import { DeliveryCounts } from '../delivery-counts.ts'
import { reasonOf } from '../reason.ts'
import { type EndpointSettings, type PrometheusEndpointOptions, resolveEndpointOptions } from './endpoint-options.ts'
import { ListeningServer } from './http/listening-server.ts'
import { ScrapeRequests } from './http/scrape-requests.ts'
import { Scrapes } from './scrapes.ts'

/** For one beyond, the one that has been idle for the longest is closed. */
const MOST_CONNECTIONS = 256

/**
 * Serves everything that the reader has gathered to Prometheus, in the text formats 0.0.4 and 1.0.0, OpenMetrics 1.0 and
 * protobuf with native histograms, as the scraper asks for (OTel spec, metrics, "Prometheus exporter").
 *
 * @example
 * const reader = new BufferingMetricReader({ adapters: [new PrometheusEndpoint()] })
 * const provider = new MeterProvider({ readers: [reader] }) // http://localhost:9464/metrics
 *
 * @throws TypeError or RangeError from the constructor, naming the option and the value
 */
export class PrometheusEndpoint implements ExporterAdapter {
  readonly name: string
  /** Where it listens, once it does, which begins when the reader is registered. Rejects where it cannot, saying why. */
  readonly ready: Promise<{ readonly host: string; readonly port: number }>
  readonly #settings: EndpointSettings
  readonly #aggregationOf: (kind: InstrumentType) => AggregationOption
  readonly #counts = new DeliveryCounts()
  readonly #scrapes: Scrapes
  readonly #requests: ScrapeRequests
  readonly #server: ListeningServer | undefined
  #isAttached = false
  #isReady: (listening: Promise<{ host: string; port: number }>) => void = () => {}

  constructor(options: PrometheusEndpointOptions = {}) {
    const settings = resolveEndpointOptions(options)
    this.#settings = settings
    this.name = settings.name
    this.#aggregationOf = options.aggregationSelector ?? (() => ({ type: AggregationType.DEFAULT }))
    this.#scrapes = new Scrapes(settings, this.#counts, () => this.#requests.endStalled())
    const { server, authorize } = options
    const { host, port, path, scrapeTimeoutMillis, maxConcurrentScrapes } = settings
    this.#requests = new ScrapeRequests({
      scrape: this.#scrapes.scrape,
      // Where it is mounted somebody else has decided that the path is right.
      path: server === false ? undefined : path,
      ...(authorize !== undefined && { authorize }),
      maxConcurrentScrapes,
      scrapeTimeoutMillis,
      // A scraper that takes longer has given up itself.
      responseTimeoutMillis: scrapeTimeoutMillis,
    })
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve
    })
    // Whoever does not ask for it is told all the same, and the process goes on.
    this.ready.catch((error: unknown) => report('error', `sluice: ${this.name}: ${reasonOf(error)}`))
    if (server === false) return
    this.#server = new ListeningServer({
      ...(server !== undefined && { server }),
      host,
      port,
      maxConnections: MOST_CONNECTIONS,
      onRequest: (request, response) => this.handler(request, response),
      name: settings.name,
    })
  }

  /** To mount in a server of your own, with `{ server: false }`: answers whatever it is given. Needs no `this`. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    this.#requests.handle(request, response)
  }

  /** Prometheus adds nothing up itself. */
  selectAggregationTemporality(_kind: InstrumentType): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE
  }

  selectAggregation(kind: InstrumentType): AggregationOption {
    return this.#aggregationOf(kind)
  }

  attach(reader: AttachedReader): void {
    if (this.#isAttached) throw new Error(`${this.name}: this adapter is attached to a reader already`)
    this.#isAttached = true
    this.#scrapes.attach(reader)
    const { host, port } = this.#settings
    this.#isReady(this.#server?.listen() ?? Promise.resolve({ host, port }))
  }

  /** Nothing is wanted as delta. */
  absorb(): void {}

  async shutdown({ timeoutMillis }: { readonly timeoutMillis: number }): Promise<void> {
    this.#requests.close()
    await this.#server?.close(timeoutMillis)
  }

  stats(): AdapterStats {
    return this.#counts.stats({ points: 0, parcels: 0 })
  }
}
