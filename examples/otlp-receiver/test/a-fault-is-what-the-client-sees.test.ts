import { afterEach, beforeEach, expect, test } from 'vitest'
import { type OtlpReceiver, startOtlpReceiver } from '../src/index.ts'
import { callGrpc, deltaCounter, postJson, requestOf } from './support/requests.ts'

let receiver: OtlpReceiver

beforeEach(async () => {
  receiver = await startOtlpReceiver({ grpc: true })
})
afterEach(() => receiver.close())

const one = requestOf(deltaCounter('orders', 1))
const overHttp = (signal?: AbortSignal) => postJson(receiver.url, one, signal)
const overGrpc = () => callGrpc(receiver.grpcUrl, one)

test('a refusal over HTTP has the status and the Retry-After asked for, and takes nothing in', async () => {
  receiver.fail({ status: 429, retryAfterSeconds: 7 })

  const response = await overHttp()

  expect(response.status).toBe(429)
  expect(response.headers.get('retry-after')).toBe('7')
  expect(receiver.batches).toHaveLength(0)
})

test('a refusal over gRPC has the code asked for and says when to retry, and takes nothing in', async () => {
  receiver.fail({ grpcCode: 8, retryAfterSeconds: 300 })

  const error = await overGrpc().catch((reason: unknown) => reason)

  expect(error).toMatchObject({ code: 8 })
  const [details] = (error as { metadata: { get(key: string): Buffer[] } }).metadata.get('grpc-status-details-bin')
  expect(details!.toString('latin1')).toContain('type.googleapis.com/google.rpc.RetryInfo')
  // RetryInfo { retry_delay: Duration { seconds: 300 } }
  expect(details!.subarray(-5)).toEqual(Buffer.from([0x0a, 0x03, 0x08, 0xac, 0x02]))
  expect(receiver.batches).toHaveLength(0)
})

test('a hang never answers and takes nothing in, also when it is over', async () => {
  receiver.fail('hang')
  const givenUp = new AbortController()
  const pending = overHttp(givenUp.signal).catch(() => 'gave up')
  while (receiver.requests === 0) await new Promise((resolve) => setImmediate(resolve))

  receiver.fail('none')
  expect((await overHttp()).status).toBe(200)
  expect(receiver.batches).toHaveLength(1)

  givenUp.abort()
  expect(await pending).toBe('gave up')
})

test('a reset breaks the connection and takes nothing in', async () => {
  receiver.fail('reset')

  await expect(overHttp()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
  await expect(overGrpc()).rejects.toMatchObject({ code: 14 })
  expect(receiver.requests).toBe(2)
  expect(receiver.batches).toHaveLength(0)
})

test('a cut breaks the connection of a batch that was taken in', async () => {
  receiver.fail('cut-after-taking-in')

  await expect(overHttp()).rejects.toThrow()
  await expect(overGrpc()).rejects.toMatchObject({ code: 14 })
  expect(receiver.batches).toHaveLength(2)
})

test('a fault that is told to happen once happens once', async () => {
  receiver.fail({ status: 502 }, { times: 1 })

  expect((await overHttp()).status).toBe(502)
  expect(receiver.fault).toBe('none')
  expect((await overHttp()).status).toBe(200)
})

test('a late answer comes after the batch was taken in', async () => {
  receiver.fail({ answerAfterMillis: 20 })
  const answers = [overHttp(), overGrpc()]
  while (receiver.batches.length < 2) await new Promise((resolve) => setImmediate(resolve))

  expect(await Promise.all(answers)).toHaveLength(2)
})

test('a success may come with a word of rejected points, or with a body that is none', async () => {
  receiver.fail('partial-success')
  expect(await (await overHttp()).json()).toEqual({
    partialSuccess: { rejectedDataPoints: 1, errorMessage: 'one point too many' },
  })
  await overGrpc()
  receiver.fail('garbage')
  await expect((await overHttp()).json()).rejects.toThrow(/not valid JSON/)
  expect(receiver.batches).toHaveLength(3)
})

test('a slow body comes after its status, of a batch that was taken in', async () => {
  receiver.fail({ bodyAfterMillis: 20 })
  const response = await overHttp()
  expect([response.status, receiver.batches.length]).toEqual([200, 1])
  expect(await response.json()).toEqual({})
  await overGrpc()
})

test('a receiver that went down refuses connections until it comes up on the same ports, and keeps what it had', async () => {
  await overHttp()
  const { url, grpcUrl } = receiver
  await receiver.goDown()

  await expect(overHttp()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  await expect(overGrpc()).rejects.toMatchObject({ code: 14 })

  await receiver.comeUp()
  await overHttp()
  await overGrpc()
  expect(receiver).toMatchObject({ url, grpcUrl })
  expect(receiver.batches).toHaveLength(3)
})

test('going down breaks the connections that are open', async () => {
  receiver.fail('hang')
  const pending = overHttp().catch(() => 'broken')
  while (receiver.requests === 0) await new Promise((resolve) => setImmediate(resolve))

  await receiver.goDown()

  expect(await pending).toBe('broken')
})

test('a port that is taken is reported', async () => {
  await expect(startOtlpReceiver({ port: receiver.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('the gRPC address of a receiver without gRPC is an error, not an empty string', async () => {
  const httpOnly = await startOtlpReceiver()
  expect(() => httpOnly.grpcUrl).toThrow('grpc: true')
  await httpOnly.close()
})
