import { afterEach, beforeEach, expect, test } from 'vitest'
import { type OtlpReceiver, startOtlpReceiver } from '../src/index.ts'
import type { OtlpMetric } from '../src/otlp-json.ts'
import { callGrpc, deltaCounter, postJson, postProtobuf, requestOf } from './support/requests.ts'

let receiver: OtlpReceiver

beforeEach(async () => {
  receiver = await startOtlpReceiver({ grpc: true })
})
afterEach(() => receiver.close())

const attributes = [
  { key: 'route', value: { stringValue: '/orders' } },
  { key: 'retries', value: { intValue: '3' } },
  { key: 'share', value: { doubleValue: 0.5 } },
  { key: 'cached', value: { boolValue: false } },
  { key: 'tags', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
]
const times = { startTimeUnixNano: '1700000000000000001', timeUnixNano: '1700000000500000002' }

const metrics: OtlpMetric[] = [
  {
    name: 'orders',
    unit: '{order}',
    description: 'Orders placed',
    sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ ...times, attributes, asInt: '7' }] },
  },
  { name: 'queue', sum: { aggregationTemporality: 2, dataPoints: [{ ...times, asDouble: -2.5 }] } },
  { name: 'temperature', gauge: { dataPoints: [{ ...times, asDouble: 21.5 }] } },
  {
    name: 'duration',
    histogram: {
      aggregationTemporality: 1,
      dataPoints: [
        { ...times, count: '3', sum: 12, min: 1, max: 9, bucketCounts: ['1', '2', '0'], explicitBounds: [2, 10] },
      ],
    },
  },
  {
    name: 'size',
    exponentialHistogram: {
      aggregationTemporality: 1,
      dataPoints: [
        { ...times, count: '4', sum: 9, scale: 3, zeroCount: '1', positive: { offset: -2, bucketCounts: ['1', '2'] } },
      ],
    },
  },
]

const protocols = {
  'http/json': () => postJson(receiver.url, requestOf(...metrics)),
  'http/protobuf': () => postProtobuf(receiver.url, requestOf(...metrics)),
  grpc: () => callGrpc(receiver.grpcUrl, requestOf(...metrics)),
}

for (const [protocol, send] of Object.entries(protocols)) {
  test(`a batch sent as ${protocol} is kept with every number as it was sent`, async () => {
    await send()

    const origin = {
      resource: { 'service.name': 'shop' },
      scope: { name: 'meter', version: '1.2.3', attributes: {} },
      unit: '',
      description: '',
    }
    const point = { attributes: {}, startUnixNanos: 1700000000000000001n, endUnixNanos: 1700000000500000002n }
    expect(receiver.batches).toEqual([
      {
        protocol,
        metrics: [
          {
            ...origin,
            name: 'orders',
            unit: '{order}',
            description: 'Orders placed',
            kind: 'sum',
            temporality: 'delta',
            isMonotonic: true,
            points: [
              {
                ...point,
                attributes: { route: '/orders', retries: 3, share: 0.5, cached: false, tags: ['a', 'b'] },
                value: 7,
              },
            ],
          },
          {
            ...origin,
            name: 'queue',
            kind: 'sum',
            temporality: 'cumulative',
            isMonotonic: false,
            points: [{ ...point, value: -2.5 }],
          },
          { ...origin, name: 'temperature', kind: 'gauge', points: [{ ...point, value: 21.5 }] },
          {
            ...origin,
            name: 'duration',
            kind: 'histogram',
            temporality: 'delta',
            points: [{ ...point, count: 3, sum: 12, min: 1, max: 9, bucketCounts: [1, 2, 0], explicitBounds: [2, 10] }],
          },
          {
            ...origin,
            name: 'size',
            kind: 'exponential-histogram',
            temporality: 'delta',
            points: [
              {
                ...point,
                count: 4,
                sum: 9,
                scale: 3,
                zeroCount: 1,
                zeroThreshold: 0,
                positive: { offset: -2, bucketCounts: [1, 2] },
                negative: { offset: 0, bucketCounts: [] },
              },
            ],
          },
        ],
      },
    ])
    expect(receiver.ledger.total('orders')).toBe(7)
    expect(receiver.ledger.total('duration')).toBe(3)
    expect(receiver.ledger.totalSum('duration')).toBe(12)
  })
}

test('a request that is no OTLP is refused and not taken in', async () => {
  const headers = { 'content-type': 'application/x-protobuf' }
  const malformed = await fetch(receiver.url, { method: 'POST', headers, body: 'no protobuf' })
  const elsewhere = await fetch(new URL('/v1/traces', receiver.url), { method: 'POST', headers })
  const unheardOf = await fetch(receiver.url, { method: 'POST', headers: { 'content-type': 'text/csv' }, body: '1' })

  expect([malformed.status, elsewhere.status, unheardOf.status]).toEqual([400, 404, 415])
  expect(receiver.batches).toEqual([])
})

test('a receiver that keeps no batches still adds them up', async () => {
  const frugal = await startOtlpReceiver({ keepBatches: false })
  await postJson(frugal.url, requestOf(deltaCounter('orders', 4)))
  await frugal.close()

  expect(frugal.batches).toEqual([])
  expect(frugal.ledger.total('orders')).toBe(4)
})
