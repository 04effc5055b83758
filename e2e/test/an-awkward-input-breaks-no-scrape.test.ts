import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AcceptProxy } from '../support/accept-proxy.ts'
import { Application, MAKERS, type Maker } from '../support/application.ts'
import { AWKWARD_INPUTS, type AwkwardInput } from '../support/awkward-inputs.ts'
import { complaintsAbout, FORMATS, type Format, isOfReservedLabel, type Judges } from '../support/formats.ts'
import { describeWith } from '../support/installed.ts'
import { OpenMetricsParser } from '../support/openmetrics-parser.ts'
import { PrometheusServer } from '../support/prometheus-server.ts'
import { PROTOCOLS } from '../support/protocols.ts'
import { Pushgateway } from '../support/pushgateway.ts'

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0'

async function served({ record, views = [] }: AwkwardInput, maker: Maker, keepsNames = false): Promise<Application> {
  const application = await Application.start({
    views,
    endpoint: keepsNames ? { translationStrategy: 'NoTranslation' } : {},
  })
  record(application.meter(maker))
  return application
}

describeWith(['promtool', 'prometheus-pushgateway', 'prometheus_client for Python'], 'what is awkward', () => {
  let judges: Judges
  let application: Application | undefined
  beforeAll(async () => {
    judges = { gateway: await Pushgateway.start(), parser: new OpenMetricsParser() }
  })
  afterEach(() => application?.stop())
  afterAll(async () => {
    judges?.parser.stop()
    await judges?.gateway.stop()
  })

  /** By what was asked for; empty where everybody accepts everything. */
  async function complaints(formats: readonly Format[], toleratesReserved: boolean): Promise<Record<string, unknown>> {
    const judged = await Promise.all(
      formats.map(async (format) => {
        const said = await complaintsAbout(await application!.scrape(format.accept), format, judges)
        return [format.accept, toleratesReserved ? said.filter((each) => !isOfReservedLabel(each)) : said] as const
      }),
    )
    return Object.fromEntries(judged.filter(([, said]) => said.length > 0))
  }

  const unescaped = FORMATS.filter(({ escaping }) => escaping === 'default')
  const dots = FORMATS.filter(({ escaping }) => escaping === 'dots')

  test.each(AWKWARD_INPUTS)('$name is accepted in every format', async (input) => {
    application = await served(input, 'buffer')
    expect(await complaints(unescaped, false)).toEqual({})
    // Names are translated: only `dots` has something to escape then.
    expect(await complaints(dots, true)).toEqual({})
  })

  test.each(AWKWARD_INPUTS)('$name is accepted with names as they are, in every escaping', async (input) => {
    application = await served(input, 'sdk', true)
    expect(await complaints(FORMATS, true)).toEqual({})
  })

  describe.each(MAKERS)('from the instruments of the %s', (maker) => {
    test.each(AWKWARD_INPUTS.filter(({ shows }) => shows))('$name is there', async (input) => {
      application = await served(input, maker)
      const { body } = await application.scrape(OPENMETRICS)
      const families = await judges.parser.parse(body.toString())
      const values = families.flatMap(({ samples }) => samples.map(({ value }) => value))
      expect(input.shows!.filter((value) => !values.includes(value))).toEqual([])
    })
  })
})

describeWith(['prometheus'], 'a Prometheus', () => {
  const applications: Application[] = []
  const proxies: AcceptProxy[] = []
  let prometheus: PrometheusServer
  beforeAll(async () => {
    const targets: Record<string, string> = {}
    for (const input of AWKWARD_INPUTS) {
      const application = await served(input, 'buffer')
      applications.push(application)
      for (const { name, accept } of PROTOCOLS) {
        const proxy = await AcceptProxy.start(application.url, accept)
        proxies.push(proxy)
        targets[`${input.name}, ${name}`] = proxy.url
      }
    }
    prometheus = await PrometheusServer.start({ targets })
  })
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all(proxies.map((proxy) => proxy.close()))
    await Promise.all(applications.map((application) => application.stop()))
  })

  /** By target, why it could never be read so far. */
  async function neverRead(): Promise<Record<string, string>> {
    const read = new Set((await prometheus.query('max_over_time(up[1m]) == 1')).map(({ labels }) => labels.job))
    const targets = await prometheus.targets()
    expect(targets).toHaveLength(proxies.length)
    const unread = targets.filter(({ scrapePool }) => !read.has(scrapePool))
    return Object.fromEntries(unread.map(({ scrapePool, lastError }) => [scrapePool, lastError]))
  }

  test('reads all of it, over every protocol, and no series twice', async () => {
    // One second is short for so many at a time: who came too late comes again.
    await expect.poll(neverRead, { timeout: 20_000, interval: 500 }).toEqual({})
    expect(await prometheus.samplesTooMany()).toEqual({})
  })
})
