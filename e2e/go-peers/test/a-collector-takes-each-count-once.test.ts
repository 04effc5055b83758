import { setTimeout as after } from 'node:timers/promises'
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import { type OtlpReceiver, startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAKERS } from '../../support/application.ts'
import { describeWithPeers } from '../support/built.ts'
import { Collector } from '../support/collector.ts'
import { PushingApplication } from '../support/pushing-application.ts'

/** So that a collector that is held up is noticed while a test waits for it. */
const TIMEOUT_MILLIS = 500
/** A collector that is slow stands still for this long, and then goes on for as long. */
const PULSE_MILLIS = 40
const PULSES = 20
/** Of three instruments of the SDK and three of the buffer. */
const SERIES = 6

const delta = { timeoutMillis: TIMEOUT_MILLIS, temporalityPreference: AggregationTemporality.DELTA }
const PROTOCOLS = {
  HTTP: ({ httpUrl }: Collector) => new ProtobufExporter({ ...delta, url: httpUrl }),
  gRPC: ({ grpcUrl }: Collector) => new GrpcExporter({ ...delta, url: grpcUrl }),
}

describeWithPeers(['otelcol'], 'an OpenTelemetry Collector', () => {
  describe.each(Object.keys(PROTOCOLS) as (keyof typeof PROTOCOLS)[])('that takes deltas over %s', (protocol) => {
    let receiver: OtlpReceiver
    let collector: Collector
    let application: PushingApplication

    beforeEach(async () => {
      receiver = await startOtlpReceiver()
      collector = await Collector.start({ to: receiver.url })
      application = new PushingApplication(PROTOCOLS[protocol](collector))
    })
    afterEach(async () => {
      // It rejects where something is left, after a test that failed.
      try {
        await application?.stop()
      } finally {
        await collector?.stop()
        await receiver?.close()
      }
    })

    /** Behind the collector is what was recorded, each window of it once, but for doubles that were announced. */
    function expectAllArrivedOnce(): void {
      const { ledger } = receiver
      for (const maker of MAKERS) {
        expect(ledger.total(`${maker}.orders`, { item: 'tea' })).toBe(application.ordered)
        for (const histogram of ['sizes', 'latency']) {
          expect(ledger.total(`${maker}.${histogram}`)).toBe(application.times)
          expect(ledger.totalSum(`${maker}.${histogram}`)).toBe(application.ordered)
        }
      }
      expect(ledger.doubled).toBe(0)
      const { outcomeUnknown, lostPoints, pendingPoints } = application.stats
      // A batch has one point of each series at most.
      expect(ledger.resentIdentical).toBeLessThanOrEqual(SERIES * outcomeUnknown)
      expect({ pendingPoints, ...lostPoints }).toMatchObject({ pendingPoints: 0, rejected: 0, shutdown: 0 })
    }

    async function deliver(value: number): Promise<void> {
      application.order(value)
      await application.untilDelivered()
    }

    async function failToDeliver(value: number): Promise<void> {
      application.order(value)
      await expect(application.flush()).rejects.toThrow(/left undelivered: \d+ points/)
    }

    test('has all of it, when nothing happens', async () => {
      for (const value of [1, 2, 3]) await deliver(value)
      expectAllArrivedOnce()
      expect(receiver.ledger.resentIdentical).toBe(0)
      expect(application.stats.outcomeUnknown).toBe(0)
    })

    test('has what was counted while it was dead, once it is back', async () => {
      await deliver(1)
      await collector.process.kill()
      for (const value of [10, 20, 30]) await failToDeliver(value)
      await collector.process.startAgain()
      await deliver(100)
      expectAllArrivedOnce()
    })

    test('has what was counted while it stood still, once it goes on', async () => {
      await deliver(1)
      await collector.process.pause()
      for (const value of [10, 20]) await failToDeliver(value)
      collector.process.resume()
      await deliver(100)
      expectAllArrivedOnce()
      expect(application.stats.outcomeUnknown).toBeGreaterThan(0)
    })

    test('has what was counted before it was killed in the middle of it', async () => {
      await deliver(1)
      await collector.process.pause()
      await failToDeliver(10)
      await collector.process.kill()
      await failToDeliver(20)
      await collector.process.startAgain()
      await deliver(100)
      expectAllArrivedOnce()
    })

    test('has all of it, when it is slow', async () => {
      let isOver = false
      const pulsing = (async () => {
        for (let pulse = 0; pulse < PULSES; pulse++) {
          await collector.process.pause()
          await after(PULSE_MILLIS)
          collector.process.resume()
          await after(PULSE_MILLIS)
        }
      })().finally(() => {
        isOver = true
      })
      while (!isOver) await deliver(1)
      await pulsing
      expectAllArrivedOnce()
    })

    test('has a batch twice, identically, when the answer to it was lost', async () => {
      await deliver(1)
      receiver.fail('cut-after-taking-in', { times: 1 })
      await failToDeliver(10)
      await deliver(100)
      expectAllArrivedOnce()
      expect(receiver.ledger.resentIdentical).toBe(SERIES)
      expect(application.stats.outcomeUnknown).toBe(1)
    })
  })
})
