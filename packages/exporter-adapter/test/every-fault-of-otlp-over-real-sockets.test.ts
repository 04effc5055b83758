import { constants } from 'node:http2'
import type { Fault } from '@otel-sluice/example-otlp-receiver'
import { describe, expect, test, vi } from 'vitest'
import { type StreamFault, startFaultyGrpcServer } from './support/grpc-stream-fault.ts'
import { type OtlpProtocol, otlpPipeline, pipelineTo, protocols, untilDelivered } from './support/otlp-pipeline.ts'

/**
 * One counter adds 5, meets the fault once, adds 6 and is delivered. What is expected: [delivered, held, lost, unknown]
 * right after the fault and at the end, in points and, for unknown, batches; and what the receiver has taken in by then.
 */
interface Expected {
  readonly during: Account
  readonly after: Account
  readonly total: number
  /** Batches that reached the receiver twice. */
  readonly resent?: number
}
type Account = readonly [delivered: number, held: number, lost: number, unknown: number]

/** Dropped, and what came after goes on. */
const REJECTED: Expected = { during: [0, 0, 1, 0], after: [1, 0, 1, 0], total: 6 }
/** Held and sent again, and known not to have arrived before. */
const UNDELIVERED: Expected = { during: [0, 1, 0, 0], after: [2, 0, 0, 0], total: 11 }
/** Held and sent again, and possibly for the second time. */
const UNKNOWN: Expected = { during: [0, 1, 0, 0], after: [2, 0, 0, 1], total: 11 }
/** That it had arrived is what the receiver says, whether the exporter could know it or not. */
const ARRIVED_TWICE: Expected = { ...UNKNOWN, resent: 1 }
const DELIVERED: Expected = { during: [1, 0, 0, 0], after: [2, 0, 0, 0], total: 11 }

async function run(protocol: OtlpProtocol, fault: Fault, expected: Expected, reason?: RegExp): Promise<void> {
  const { receiver, reader, counter, stats, end } = await otlpPipeline(protocol)
  const account = () => {
    const { deliveredPoints, pendingPoints, lostPoints, outcomeUnknown } = stats()
    return [deliveredPoints, pendingPoints, lostPoints.rejected + lostPoints.shutdown, outcomeUnknown]
  }
  receiver.fail(fault, { times: 1 })
  counter.add(5)
  const flushed = reader.forceFlush()
  if (expected.during[0] === 1) await flushed
  else await expect(flushed).rejects.toThrow(reason ?? /1 points/)
  expect(account()).toEqual(expected.during)

  counter.add(6)
  await untilDelivered(reader)
  expect(account()).toEqual(expected.after)
  expect(receiver.ledger.total('orders')).toBe(expected.total)
  expect(receiver.ledger).toMatchObject({ doubled: 0, resentIdentical: expected.resent ?? 0 })
  await end()
}

describe('OTLP/HTTP', () => {
  test.each([400, 401, 403, 404, 413, 500, 501])('%i is dropped once, and told', (status) =>
    run('protobuf', { status }, REJECTED, new RegExp(`1 points were rejected for good and dropped: HTTP ${status}: `)),
  )

  // Which of them it was, the exporter does not say, so it counts as unknown.
  test.each([429, 502, 503, 504])('%i is held and sent again', (status) =>
    run('protobuf', { status }, UNKNOWN, /Export failed with retryable status/),
  )

  test.each([429, 503])('%i with a Retry-After that the exporter has no time for is held and sent again', (status) =>
    run('json', { status, retryAfterSeconds: 60 }, UNKNOWN),
  )

  test('a Retry-After that the exporter has time for is its own affair', async () => {
    const { receiver, reader, counter, stats, end } = await otlpPipeline('protobuf', 5_000)
    receiver.fail({ status: 503, retryAfterSeconds: 1 }, { times: 1 })
    counter.add(5)
    await reader.forceFlush()
    expect(receiver.requests).toBe(2)
    expect(stats()).toMatchObject({ attempts: 1, failures: 0, deliveredPoints: 1, outcomeUnknown: 0 })
    await end()
  })

  test('a connection refused to a retry of its own says nothing of its first try, which was taken in', async () => {
    const { receiver, reader, counter, stats, end } = await otlpPipeline('protobuf', 2_000)
    receiver.fail('cut-after-taking-in', { times: 1 })
    counter.add(5)
    const flushed = reader.forceFlush()
    await vi.waitFor(() => expect(receiver.ledger.total('orders')).toBe(5))
    await receiver.goDown()
    await expect(flushed).rejects.toThrow(/ECONNREFUSED/)
    await receiver.comeUp()
    await untilDelivered(reader)
    expect(receiver.ledger.resentIdentical).toBe(1)
    expect(stats()).toMatchObject({ deliveredPoints: 1, outcomeUnknown: 1 })
    await end()
  })
})

describe('OTLP/gRPC', () => {
  test.each([2, 3, 5, 6, 7, 8, 9, 12, 13, 16])('code %i is dropped once, and told', (grpcCode) =>
    run(
      'grpc',
      { grpcCode },
      REJECTED,
      new RegExp(`1 points were rejected for good and dropped: ${grpcCode} [A-Z_]+: refused`),
    ),
  )

  test.each([1, 4, 10, 11, 14, 15])('code %i is held and sent again, as it may have arrived', (grpcCode) =>
    run('grpc', { grpcCode }, UNKNOWN, new RegExp(`: ${grpcCode} [A-Z_]+: refused`)),
  )

  test('code 8 with a RetryInfo is held and sent again', () =>
    run('grpc', { grpcCode: 8, retryAfterSeconds: 1 }, UNDELIVERED, /: 8 RESOURCE_EXHAUSTED: refused/))

  const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_CONNECT_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants
  const respond =
    (status: number): StreamFault =>
    (stream) => {
      stream.respond({ ':status': status, 'content-type': 'application/grpc' })
      stream.end()
    }

  test.each<[string, StreamFault, RegExp]>([
    ['a stream that is torn down', (stream) => stream.close(NGHTTP2_INTERNAL_ERROR), /13 INTERNAL: .* code 2/],
    ['one whose way on broke', (stream) => stream.close(NGHTTP2_CONNECT_ERROR), /13 INTERNAL: .* code 10/],
    ['one that was too much', (stream) => stream.close(NGHTTP2_ENHANCE_YOUR_CALM), /8 RESOURCE_EXHAUSTED: Bandwidth/],
    ['one that ends without a status', respond(200), /13 INTERNAL: .*Call ended without gRPC status/],
    ['a 500 of a gateway', respond(500), /2 UNKNOWN: Received HTTP status code 500/],
  ])('%s said nothing of the batch, which is held and sent again', async (_what, fault, reason) => {
    const server = await startFaultyGrpcServer(fault)
    const { provider, reader, counter, stats } = pipelineTo(protocols.grpc(server, 2_000))
    counter.add(5)
    await expect(reader.forceFlush()).rejects.toThrow(reason)
    expect(stats()).toMatchObject({ pendingPoints: 1, lostPoints: { rejected: 0 } })
    await untilDelivered(reader)
    expect(stats()).toMatchObject({ deliveredPoints: 1, pendingPoints: 0, outcomeUnknown: 1 })
    expect(server.requests()).toBe(2)
    await provider.shutdown()
    await server.close()
  })

  test('a name that nobody knows is known not to have led anywhere', async () => {
    // A label that is too long is refused without asking a name server.
    const exporter = protocols.grpc({ grpcUrl: `http://${'x'.repeat(64)}.invalid:4317` }, 5_000)
    const { provider, reader, counter, stats } = pipelineTo(exporter)
    counter.add(5)
    await expect(reader.forceFlush()).rejects.toThrow(/Name resolution failed/)
    await expect(reader.forceFlush()).rejects.toThrow(/Name resolution failed/)
    expect(stats()).toMatchObject({ attempts: 2, pendingPoints: 1, outcomeUnknown: 0 })
    await expect(provider.shutdown()).rejects.toThrow()
  })

  test('a 413 of a gateway is dropped once, and told', async () => {
    const server = await startFaultyGrpcServer(respond(413))
    const { provider, reader, counter, stats } = pipelineTo(protocols.grpc(server, 2_000))
    counter.add(5)
    await expect(reader.forceFlush()).rejects.toThrow(/rejected for good and dropped: .*HTTP status code 413/)
    expect(stats()).toMatchObject({ pendingPoints: 0, lostPoints: { rejected: 1 } })
    await provider.shutdown()
    await server.close()
  })
})

describe.each<OtlpProtocol>(['protobuf', 'json', 'grpc'])('OTLP over %s', (protocol) => {
  test.each<[string, Fault, Expected]>([
    ['a connection reset before anything was taken in', 'reset', UNKNOWN],
    ['a connection cut after it was taken in', 'cut-after-taking-in', ARRIVED_TWICE],
    ['no answer', 'hang', UNKNOWN],
    ['an answer that comes too late for the exporter', { answerAfterMillis: 1_000 }, ARRIVED_TWICE],
    ['an answer that comes in time', { answerAfterMillis: 50 }, DELIVERED],
    ['a body that comes in time', { bodyAfterMillis: 50 }, DELIVERED],
    ['a body that comes too late for the exporter', { bodyAfterMillis: 1_000 }, ARRIVED_TWICE],
    ['a partial success, which exporters do not tell of', 'partial-success', DELIVERED],
    ['a success with a body that is none', 'garbage', DELIVERED],
  ])('%s', (_what, fault, expected) => run(protocol, fault, expected))

  test('a connection that is refused is known not to have arrived', async () => {
    const { receiver, reader, counter, stats, end } = await otlpPipeline(protocol)
    await receiver.goDown()
    counter.add(5)
    await expect(reader.forceFlush()).rejects.toThrow(/left undelivered: 1 points .*ECONNREFUSED/)
    counter.add(6)
    await receiver.comeUp()
    await untilDelivered(reader)
    expect(receiver.ledger.total('orders')).toBe(11)
    expect(stats()).toMatchObject({ deliveredPoints: 2, outcomeUnknown: 0, pendingPoints: 0 })
    await end()
  })
})
