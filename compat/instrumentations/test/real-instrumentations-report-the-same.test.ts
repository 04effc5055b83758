import { beforeAll, describe, expect, test } from 'vitest'
import type { PipelineName } from '../src/pipelines.ts'
import { RELAYED } from '../src/shop.ts'
import { type ReportedMetric, reported, totalOf } from './support/reported.ts'
import { ServiceProcess } from './support/service-process.ts'
import { AFTER_THE_FLUSH, BEFORE_THE_FLUSH, drive } from './support/traffic.ts'

const HTTP = '@opentelemetry/instrumentation-http'
const UNDICI = '@opentelemetry/instrumentation-undici'

/** A service under its traffic, from its start to its shutdown; it exports twice. */
async function run(pipeline: PipelineName, temporality: 'delta' | 'cumulative'): Promise<ReportedMetric[]> {
  const service = await ServiceProcess.start(pipeline, temporality)
  await drive(service.port, BEFORE_THE_FLUSH)
  await service.flush()
  await drive(service.port, AFTER_THE_FLUSH)
  await service.stop()
  return reported(service.receiver.batches, service.port)
}

describe.each(['delta', 'cumulative'] as const)('with the buffer as the global provider, in %s', (temporality) => {
  let buffer: ReportedMetric[]
  let sdk: ReportedMetric[]
  beforeAll(async () => {
    ;[buffer, sdk] = await Promise.all([run('buffer', temporality), run('sdk', temporality)])
  }, 20_000)

  test('all that instrumentations report is what they report through the SDK', () => {
    expect(buffer).toStrictEqual(sdk)
  })

  test('every request is counted once by the server and by the client that made it', () => {
    const requests = [...BEFORE_THE_FLUSH, ...AFTER_THE_FLUSH]
    const relays = (client: string) => requests.filter(({ path }) => path === `/relay/${client}`).length
    const ofUndici = relays('undici') * RELAYED.length
    const ofHttp = relays('http') * RELAYED.length
    expect(totalOf(buffer, 'http.server.request.duration', HTTP)).toBe(requests.length + ofUndici + ofHttp)
    expect(totalOf(buffer, 'http.client.request.duration', HTTP)).toBe(ofHttp)
    expect(totalOf(buffer, 'http.client.request.duration', UNDICI)).toBe(ofUndici)
  })

  test('every kind of instrument that instrumentations make is among it', () => {
    const kinds = new Map(buffer.map(({ name, kind, isMonotonic }) => [name, `${kind} ${isMonotonic ?? ''}`.trim()]))
    expect(Object.fromEntries(kinds)).toMatchObject({
      'shop.orders': 'sum true',
      'shop.answers': 'sum true',
      'http.server.request.duration': 'histogram',
      'v8js.gc.duration': 'histogram',
      'nodejs.eventloop.time': 'sum true',
      'nodejs.eventloop.delay.p99': 'gauge',
      'v8js.memory.heap.space.size': 'sum false',
      'v8js.memory.heap.used': 'gauge',
    })
    for (const { name, series } of buffer) expect(series, name).not.toEqual({})
  })
})
