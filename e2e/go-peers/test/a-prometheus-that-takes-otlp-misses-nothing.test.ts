import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAKERS } from '../../support/application.ts'
import { describeWithPeers } from '../support/built.ts'
import { CurrentPrometheus } from '../support/current-prometheus.ts'
import { PushingApplication } from '../support/pushing-application.ts'

/** So that a server that is held up is noticed while a test waits for it. */
const TIMEOUT_MILLIS = 500

describeWithPeers(['prometheus'], 'a Prometheus that takes OTLP', () => {
  let prometheus: CurrentPrometheus
  let application: PushingApplication

  beforeAll(async () => {
    prometheus = await CurrentPrometheus.start()
    const exporter = new OTLPMetricExporter({
      url: prometheus.otlpUrl,
      timeoutMillis: TIMEOUT_MILLIS,
      temporalityPreference: AggregationTemporality.CUMULATIVE,
    })
    application = new PushingApplication(exporter)
  })
  afterAll(async () => {
    // It rejects where something is left, after a test that failed.
    try {
      await application?.stop()
    } finally {
      await prometheus?.stop()
    }
  })

  /** Everything that was recorded so far is there. */
  async function expectAllArrived(): Promise<void> {
    const { api } = prometheus
    for (const maker of MAKERS) {
      await api.untilValue(`${maker}_orders_total{item="tea"}`, (value) => value === application.ordered)
      expect(await api.valueOf(`${maker}_sizes_bytes_count`)).toBe(application.times)
      expect(await api.valueOf(`${maker}_sizes_bytes_sum`)).toBe(application.ordered)
      expect(await api.valueOf(`histogram_count(${maker}_latency_milliseconds)`)).toBe(application.times)
      expect(await api.valueOf(`histogram_sum(${maker}_latency_milliseconds)`)).toBe(application.ordered)
      expect(await api.valueOf(`resets(${maker}_orders_total[5m])`)).toBe(0)
    }
  }

  test('has the values of all kinds, and what the service is', async () => {
    application.order(3)
    application.order(4)
    await application.flush()
    await expectAllArrived()
    const joined = 'sdk_orders_total * on (job, instance) group_left(service_version) target_info'
    const [sample] = await prometheus.api.query(joined)
    expect(sample!.labels).toMatchObject({ job: 'shop', instance: 'shop-1', service_version: '1.2.3' })
  })

  test('has what was counted while it was dead, once it is back', async () => {
    await prometheus.process.kill()
    for (const value of [10, 20, 30]) {
      application.order(value)
      await expect(application.flush()).rejects.toThrow(/left undelivered: \d+ points/)
    }
    await prometheus.process.startAgain()
    application.order(40)
    await application.untilDelivered()
    await expectAllArrived()
  })

  test('has what was counted while it stood still, once it goes on', async () => {
    await prometheus.process.pause()
    for (const value of [100, 200]) {
      application.order(value)
      await expect(application.flush()).rejects.toThrow(/left undelivered: \d+ points/)
    }
    prometheus.process.resume()
    application.order(300)
    await application.untilDelivered()
    await expectAllArrived()
    expect(application.stats.lostPoints).toMatchObject({ rejected: 0, shutdown: 0 })
  })
})
