import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AcceptProxy } from '../../support/accept-proxy.ts'
import { Application } from '../../support/application.ts'
import { describeWithPeers } from '../support/built.ts'
import { CurrentPrometheus } from '../support/current-prometheus.ts'
import type { Escaping, ScrapeProtocol } from '../support/scrape-job.ts'

/** What the names of a metric and of its attribute become. */
const NAMES: Readonly<Record<Escaping, { readonly metric: string; readonly attribute: string }>> = {
  'allow-utf-8': { metric: 'in.flight_now', attribute: 'http.route' },
  underscores: { metric: 'in_flight_now', attribute: 'http_route' },
  dots: { metric: 'in_dot_flight__now', attribute: 'http_dot_route' },
  values: { metric: 'U__in_2e_flight__now', attribute: 'U__http_2e_route' },
}
const PROTOCOLS: readonly ScrapeProtocol[] = ['PrometheusText1.0.0', 'OpenMetricsText1.0.0']

const CASES = (Object.keys(NAMES) as Escaping[]).flatMap((escaping) =>
  PROTOCOLS.map((protocol) => ({ escaping, protocol, name: `${escaping} over ${protocol}` })),
)

describeWithPeers(['prometheus'], 'a current Prometheus', () => {
  const proxies = new Map<string, AcceptProxy>()
  let application: Application
  let prometheus: CurrentPrometheus

  beforeAll(async () => {
    application = await Application.start({ endpoint: { translationStrategy: 'NoTranslation' } })
    application.meter('buffer').createUpDownCounter('in.flight_now').add(7, { 'http.route': '/' })
    for (const { name } of CASES) proxies.set(name, await AcceptProxy.start(application.url))
    const jobs = CASES.map((job) => ({ ...job, url: proxies.get(job.name)!.url }))
    prometheus = await CurrentPrometheus.start(jobs)
    await prometheus.api.untilScraped(1)
  })
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
    await application?.stop()
  })

  describe.each(CASES)('that asks for $name', ({ escaping, name }) => {
    test('is told that it has it', () => {
      expect(proxies.get(name)!.contentType).toMatch(new RegExp(`; ?escaping=${escaping}$`))
    })

    test('reads names that are escaped so', async () => {
      const { metric, attribute } = NAMES[escaping]
      expect(await prometheus.api.valueOf(`{"${metric}","${attribute}"="/",job="${name}"}`)).toBe(7)
    })
  })
})
