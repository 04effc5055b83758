import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GoServer } from './go-server.ts'
import { pathOf } from './installed.ts'
import type { Answers, KnownMetadata, KnownTarget, SeriesExemplars, VectorSample } from './prometheus-answers.ts'
import { until } from './until.ts'

/** `up` and four of `scrape_…`, which Prometheus adds to each target. */
const SERIES_OF_ITS_OWN = 5

export interface PrometheusOptions {
  /** Jobs by name, and the URL of the endpoint of each. */
  readonly targets: Readonly<Record<string, string>>
  /**
   * Whether it reads native histograms. Then it asks for protobuf first, else for OpenMetrics, and has no other setting for
   * it. Default true.
   */
  readonly nativeHistograms?: boolean
}

/** What is asked over HTTP. */
export type RunningPrometheus = Pick<GoServer, 'url' | 'log' | 'stop'>

/** A Prometheus that scrapes each second, into a directory that is removed at the end. */
export class PrometheusServer {
  readonly #server: RunningPrometheus
  readonly #directory: string | undefined

  private constructor(server: RunningPrometheus, directory?: string) {
    this.#server = server
    this.#directory = directory
  }

  /** One that somebody else has started, and that is ready; its directory stays. */
  static over(server: RunningPrometheus): PrometheusServer {
    return new PrometheusServer(server)
  }

  /** @throws Error with its log, when it does not become ready in time */
  static async start({ targets, nativeHistograms = true }: PrometheusOptions): Promise<PrometheusServer> {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'))
    const config = join(directory, 'prometheus.yml')
    writeFileSync(config, configFor(targets))
    const features = nativeHistograms ? 'native-histograms,exemplar-storage' : 'exemplar-storage'
    try {
      const server = await GoServer.start(pathOf('prometheus'), [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, 'tsdb')}`,
        `--enable-feature=${features}`,
      ])
      const prometheus = new PrometheusServer(server, directory)
      await prometheus.#failingWithLog(() =>
        until('Prometheus to be ready', async () => ((await fetch(`${server.url}/-/ready`)).ok ? true : undefined)),
      )
      return prometheus
    } catch (error) {
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
  }

  /** Waits until each target was scraped so many times, and all went well. */
  async untilScraped(times: number): Promise<void> {
    await this.#failingWithLog(() =>
      until(`${times} scrapes of every target`, async () => {
        const ups = await this.query('sum_over_time(up[5m])')
        const isEnough = ups.length > 0 && ups.every(({ value }) => value >= times)
        if (isEnough && ups.length === (await this.targets()).length) return true
        throw new Error(JSON.stringify(await this.targets()))
      }),
    )
  }

  /** An instant query, as of now. */
  async query(promql: string): Promise<VectorSample[]> {
    const { result } = await this.#get('query', { query: promql })
    return result.map(({ metric, value, histogram }) => ({
      labels: metric,
      value: value === undefined ? Number.NaN : numberOf(value[1]),
      isNative: histogram !== undefined,
    }))
  }

  /** The one value that a query has. */
  async valueOf(promql: string): Promise<number> {
    const samples = await this.query(promql)
    if (samples.length !== 1) throw new Error(`${promql} has ${samples.length} values: ${JSON.stringify(samples)}`)
    return samples[0]!.value
  }

  /** Waits until the one value of a query is as it has to be. */
  async untilValue(promql: string, isRight: (value: number) => boolean): Promise<number> {
    return this.#failingWithLog(() =>
      until(promql, async () => {
        const value = await this.valueOf(promql)
        if (isRight(value)) return value
        throw new Error(`it is ${value}`)
      }),
    )
  }

  /**
   * By job, how many samples of the last scrape, where it went well, were of a series that the scrape had already.
   * Prometheus keeps the first, and says nothing. Series that come and go make it wrong.
   */
  async samplesTooMany(): Promise<Record<string, number>> {
    const series = `count by (job) ({job!=""}) - ${SERIES_OF_ITS_OWN}`
    const surplus = await this.query(`scrape_samples_scraped - on (job) (${series}) != 0 and on (job) up == 1`)
    return Object.fromEntries(surplus.map(({ labels, value }) => [labels.job, value]))
  }

  /** The exemplars of the last minutes. */
  async queryExemplars(selector: string): Promise<SeriesExemplars[]> {
    const seconds = Date.now() / 1000
    return this.#get('query_exemplars', { query: selector, start: `${seconds - 600}`, end: `${seconds + 60}` })
  }

  /** What the targets say of a family of metrics, or of all. */
  async metadata(metric?: string): Promise<KnownMetadata[]> {
    return this.#get('targets/metadata', metric === undefined ? {} : { metric })
  }

  async targets(): Promise<KnownTarget[]> {
    return (await this.#get('targets', { state: 'active' })).activeTargets
  }

  /** A number that it says of itself. */
  async ownMetric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#server.url}/metrics`)).text()
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
    if (line === undefined) throw new Error(`Prometheus has no metric ${name}`)
    return Number(line.slice(name.length + 1))
  }

  async stop(): Promise<void> {
    await this.#server.stop()
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true })
  }

  async #get<E extends keyof Answers>(endpoint: E, parameters: Record<string, string>): Promise<Answers[E]> {
    const response = await fetch(`${this.#server.url}/api/v1/${endpoint}?${new URLSearchParams(parameters)}`)
    const answer = (await response.json()) as { status: string; error?: string; data: Answers[E] }
    if (answer.status !== 'success') throw new Error(`${endpoint} ${JSON.stringify(parameters)}: ${answer.error}`)
    return answer.data
  }

  async #failingWithLog<T>(wait: () => Promise<T>): Promise<T> {
    try {
      return await wait()
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#server.log()}`, { cause: error })
    }
  }
}

function configFor(targets: Readonly<Record<string, string>>): string {
  // JSON is YAML, too.
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: Object.entries(targets).map(([job, url]) => {
      const { host, pathname } = new URL(url)
      return { job_name: job, metrics_path: pathname, static_configs: [{ targets: [host] }] }
    }),
  })
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}
