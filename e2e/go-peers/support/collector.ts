import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PEERS } from '../peers.mjs'
import { freePorts } from './free-ports.ts'
import { PeerProcess } from './peer-process.ts'
import { type ScrapeJob, scrapingConfigFor } from './scrape-job.ts'

/** Without it sums and histograms that are scraped have no start. */
const READS_TIMES_OF_CREATION = 'receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion'

export interface CollectorOptions {
  /** Where it hands on everything, over OTLP/HTTP. */
  readonly to: string
  /** Endpoints of Prometheus' kind that it scrapes each second. Default: none. */
  readonly scraped?: readonly ScrapeJob[]
}

/**
 * An OpenTelemetry Collector that holds nothing: it answers a request when it was answered itself. So what it has accepted is
 * at the end of the line, even if it is killed then.
 */
export class Collector {
  readonly process: PeerProcess
  /** For OTLP/HTTP: `http://127.0.0.1:port/v1/metrics`. */
  readonly httpUrl: string
  /** For OTLP/gRPC: `http://127.0.0.1:port`. */
  readonly grpcUrl: string
  readonly #directory: string

  private constructor(process: PeerProcess, [http, grpc]: readonly number[], directory: string) {
    this.process = process
    this.httpUrl = `http://127.0.0.1:${http}/v1/metrics`
    this.grpcUrl = `http://127.0.0.1:${grpc}`
    this.#directory = directory
  }

  /** @throws Error with its log, when it does not become ready in time */
  static async start(options: CollectorOptions): Promise<Collector> {
    const ports = await freePorts(2)
    const directory = mkdtempSync(join(tmpdir(), 'sluice-otelcol-'))
    const config = join(directory, 'config.yml')
    writeFileSync(config, configFor(options, ports))
    try {
      const args = [`--config=file:${config}`, `--feature-gates=${READS_TIMES_OF_CREATION}`]
      const process = await PeerProcess.start(PEERS.otelcol, args, /Everything is ready/)
      return new Collector(process, ports, directory)
    } catch (error) {
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.process.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function configFor({ to, scraped = [] }: CollectorOptions, [http, grpc]: readonly number[]): string {
  const receivers = {
    otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` }, grpc: { endpoint: `127.0.0.1:${grpc}` } } },
    ...(scraped.length > 0 && { prometheus: { config: scrapingConfigFor(scraped) } }),
  }
  const exporter = { metrics_endpoint: to, sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }
  // JSON is YAML, too.
  return JSON.stringify({
    receivers,
    exporters: { otlp_http: exporter },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: Object.keys(receivers), exporters: ['otlp_http'] } },
    },
  })
}
