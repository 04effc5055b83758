/** What a job asks for (Prometheus, configuration, `scrape_protocols`). */
export type ScrapeProtocol = 'PrometheusProto' | 'OpenMetricsText1.0.0' | 'PrometheusText1.0.0'

/** What is made of names that are not classic (Prometheus, configuration, `metric_name_escaping_scheme`). */
export type Escaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

export interface ScrapeJob {
  readonly name: string
  readonly url: string
  /** The only one it asks for. */
  readonly protocol: ScrapeProtocol
  /** Asked for in the formats of text. Default: that of Prometheus, which is UTF-8. */
  readonly escaping?: Escaping
}

/** The configuration of a Prometheus, or of what scrapes like one. Each job has all of an interval for its answer. */
export function scrapingConfigFor(jobs: readonly ScrapeJob[], intervalSeconds = 1) {
  return {
    global: { scrape_interval: `${intervalSeconds}s`, scrape_timeout: `${intervalSeconds}s` },
    scrape_configs: jobs.map(({ name, url, protocol, escaping }) => {
      const { host, pathname } = new URL(url)
      return {
        job_name: name,
        metrics_path: pathname,
        scrape_protocols: [protocol],
        scrape_native_histograms: protocol === 'PrometheusProto',
        ...(escaping !== undefined && { metric_name_escaping_scheme: escaping }),
        static_configs: [{ targets: [host] }],
      }
    }),
  }
}
