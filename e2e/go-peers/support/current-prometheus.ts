import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrometheusServer } from '../../support/prometheus-server.ts'
import { PEERS } from '../peers.mjs'
import { freePorts } from './free-ports.ts'
import { PeerProcess } from './peer-process.ts'
import { type ScrapeJob, scrapingConfigFor } from './scrape-job.ts'

/**
 * A Prometheus of today. It asks for names in UTF-8 unless it is told otherwise, reads native histograms, exemplars and times
 * of creation, and takes OTLP. It comes back on the same port with the same data.
 */
export class CurrentPrometheus {
  readonly process: PeerProcess
  readonly api: PrometheusServer
  readonly url: string
  readonly #directory: string

  private constructor(process: PeerProcess, url: string, directory: string) {
    this.process = process
    this.url = url
    this.api = PrometheusServer.over({ url, log: () => process.log(), stop: () => process.stop() })
    this.#directory = directory
  }

  /** @throws Error with its log, when it does not become ready in time */
  static async start(jobs: readonly ScrapeJob[] = [], intervalSeconds = 1): Promise<CurrentPrometheus> {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'))
    const config = join(directory, 'prometheus.yml')
    // JSON is YAML, too.
    writeFileSync(config, JSON.stringify(scrapingConfigFor(jobs, intervalSeconds)))
    const [port] = await freePorts(1)
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-otlp-receiver',
      '--enable-feature=exemplar-storage,created-timestamp-zero-ingestion',
    ]
    try {
      const process = await PeerProcess.start(PEERS.prometheus, args, /Server is ready to receive web requests/)
      return new CurrentPrometheus(process, `http://127.0.0.1:${port}`, directory)
    } catch (error) {
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
  }

  /** Where OTLP/HTTP goes. */
  get otlpUrl(): string {
    return `${this.url}/api/v1/otlp/v1/metrics`
  }

  async stop(): Promise<void> {
    await this.api.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
