import { afterEach, expect, test } from 'vitest'
import { Application } from '../support/application.ts'
import { describeWith } from '../support/installed.ts'
import { PrometheusServer } from '../support/prometheus-server.ts'

const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop()
})

describeWith(['prometheus'], 'an application that is started again', () => {
  test('has counted what it counted before, and what it counts since', async () => {
    const before = await Application.start()
    open.push(before)
    before.meter('buffer').createCounter('orders').add(100)
    const prometheus = await PrometheusServer.start({ targets: { shop: before.url } })
    open.push(prometheus)
    await prometheus.untilValue('count_over_time(orders_total[1m])', (scrapes) => scrapes >= 2)

    // The port has to be free again, for it is the same instance to Prometheus.
    await before.stop()
    const after = await Application.start({ port: before.port })
    open.push(after)
    after.meter('buffer').createCounter('orders').add(7)
    await prometheus.untilValue('orders_total', (value) => value === 7)

    expect(await prometheus.valueOf('resets(orders_total[1m])')).toBe(1)
    // It is extrapolated to the minute, by at most half a scrape's interval at either end: not by more than twice.
    const increase = await prometheus.valueOf('increase(orders_total[1m])')
    expect(increase).toBeGreaterThanOrEqual(7)
    expect(increase).toBeLessThanOrEqual(2 * 7)
  })
})
