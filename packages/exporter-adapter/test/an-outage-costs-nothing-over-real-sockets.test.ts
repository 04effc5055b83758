import type { OtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import { describe, expect, test } from 'vitest'
import { arrived } from './support/arrived.ts'
import { type OtlpProtocol, otlpPipeline, protocols, untilDelivered } from './support/otlp-pipeline.ts'

describe.each(Object.keys(protocols) as OtlpProtocol[])('OTLP over %s through an outage', (protocol) => {
  const pipeline = async () => {
    const started = await otlpPipeline(protocol)
    return { ...started, total: () => arrived(started.receiver, 'orders').total }
  }

  test.each([
    ['answers 503 / UNAVAILABLE', async (receiver: OtlpReceiver) => receiver.fail({ status: 503, grpcCode: 14 })],
    ['never answers', async (receiver: OtlpReceiver) => receiver.fail('hang')],
    ['resets the connection', async (receiver: OtlpReceiver) => receiver.fail('reset')],
    ['is down', (receiver: OtlpReceiver) => receiver.goDown()],
  ])('a receiver that %s costs nothing', async (_what, fail) => {
    const { receiver, reader, counter, total, stats, end } = await pipeline()
    counter.add(1)
    await reader.forceFlush()
    await fail(receiver)
    for (const value of [10, 100]) {
      counter.add(value)
      await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: \d+ points/)
    }
    expect(total()).toBe(1)
    receiver.fail('none')
    await receiver.comeUp()
    counter.add(1000)
    await untilDelivered(reader)
    expect(total()).toBe(1111)
    expect(receiver.ledger.doubled).toBe(0)
    expect(stats()).toMatchObject({ pendingPoints: 0, lostPoints: { rejected: 0, shutdown: 0 } })
    await end()
  })

  test('a connection cut after the batch was taken in makes an identical resend, not a double', async () => {
    const { receiver, reader, counter, stats, end } = await pipeline()
    receiver.fail('cut-after-taking-in', { times: 1 })
    counter.add(7)
    await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: \d+ points/)
    await untilDelivered(reader)
    expect(receiver.ledger).toMatchObject({ resentIdentical: 1, doubled: 0 })
    expect(receiver.ledger.total('orders')).toBe(7)
    expect(stats()).toMatchObject({ outcomeUnknown: 1, deliveredPoints: 1, pendingPoints: 0 })
    await end()
  })

  test('a permanent rejection is dropped once, counted, and holds nothing up', async () => {
    const { receiver, reader, counter, total, stats, end } = await pipeline()
    receiver.fail({ status: 400, grpcCode: 3 }, { times: 1 })
    counter.add(5)
    await expect(reader.forceFlush()).rejects.toThrow(
      /forceFlush failed: 1 points were rejected for good and dropped: /,
    )
    counter.add(6)
    await reader.forceFlush()
    expect(total()).toBe(6)
    expect(stats()).toMatchObject({ lostPoints: { rejected: 1, shutdown: 0 }, deliveredPoints: 1, pendingPoints: 0 })
    await end()
  })
})
