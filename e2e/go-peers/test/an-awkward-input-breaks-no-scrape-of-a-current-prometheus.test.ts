import { afterAll, beforeAll, expect, test } from 'vitest'
import { Application, MAKERS } from '../../support/application.ts'
import { AWKWARD_INPUTS } from '../../support/awkward-inputs.ts'
import { describeWithPeers } from '../support/built.ts'
import { CurrentPrometheus } from '../support/current-prometheus.ts'
import type { ScrapeProtocol } from '../support/scrape-job.ts'

const PROTOCOLS: readonly ScrapeProtocol[] = ['PrometheusText1.0.0', 'OpenMetricsText1.0.0', 'PrometheusProto']

/** Of hundreds of targets: each second they would hold up the tests beside this one. */
const INTERVAL_SECONDS = 5

// It asks for names in quotes, which no other judge reads.
describeWithPeers(['prometheus'], 'a current Prometheus', () => {
  const applications: Application[] = []
  let prometheus: CurrentPrometheus
  let jobs: { readonly name: string; readonly url: string; readonly protocol: ScrapeProtocol }[]

  beforeAll(async () => {
    jobs = []
    for (const { name, views = [], record } of AWKWARD_INPUTS) {
      for (const maker of MAKERS) {
        const application = await Application.start({ views, endpoint: { translationStrategy: 'NoTranslation' } })
        applications.push(application)
        record(application.meter(maker))
        for (const protocol of PROTOCOLS) {
          jobs.push({ name: `${name}, from the ${maker}, over ${protocol}`, url: application.url, protocol })
        }
      }
    }
    prometheus = await CurrentPrometheus.start(jobs, INTERVAL_SECONDS)
  })
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all(applications.map((application) => application.stop()))
  })

  /** By target, why it could never be read so far. */
  async function neverRead(): Promise<Record<string, string>> {
    const read = new Set((await prometheus.api.query('max_over_time(up[2m]) == 1')).map(({ labels }) => labels.job))
    const targets = await prometheus.api.targets()
    expect(targets).toHaveLength(jobs.length)
    const unread = targets.filter(({ scrapePool }) => !read.has(scrapePool))
    return Object.fromEntries(unread.map(({ scrapePool, lastError }) => [scrapePool, lastError]))
  }

  test('reads all that is awkward with names as they are, over every protocol, and no series twice', async () => {
    // Who came too late comes again.
    await expect.poll(neverRead, { timeout: 45_000, interval: 1000 }).toEqual({})
    expect(await prometheus.api.samplesTooMany()).toEqual({})
  })
})
