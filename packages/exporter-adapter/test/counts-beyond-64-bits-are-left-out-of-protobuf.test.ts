import { diag } from '@opentelemetry/api'
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { OnceProducer } from './support/nonsense.ts'
import { decodeFamilies } from './support/prometheus-protobuf.ts'
import { PROTOBUF, served } from './support/scraped.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})
afterEach(() => diag.disable())

const HUGE = 2 ** 52
const explicit = { buckets: { boundaries: [1], counts: [HUGE, 0] }, count: HUGE, sum: 1 }
const exponential = {
  scale: 0,
  count: HUGE,
  zeroCount: 0,
  sum: 1,
  positive: { offset: 0, bucketCounts: [HUGE] },
  negative: { offset: 0, bucketCounts: [] },
}

test.each([
  ['an explicit histogram', DataPointType.HISTOGRAM, explicit],
  ['an exponential histogram', DataPointType.EXPONENTIAL_HISTOGRAM, exponential],
])('%s is left out alone, said and counted', async (_what, dataPointType, value) => {
  const producer = new OnceProducer()
  const { meter, scrape } = await served({ reader: { metricProducers: [producer] } })
  meter.createCounter('sound').add(1)
  const point = { startTime: [1, 0], endTime: [2, 0], attributes: {}, value }
  const metric = {
    descriptor: { name: 'huge', description: '', unit: '', valueType: 1 },
    dataPointType,
    aggregationTemporality: 0,
    dataPoints: Array(5_000).fill(point),
  } as unknown as MetricData
  producer.scopeMetrics = [{ scope: { name: 'producer' }, metrics: [metric] }]
  const { status, body } = await scrape(PROTOBUF)
  expect(status).toBe(200)
  const families = decodeFamilies(body)
  expect(families.map(({ name }) => name)).toEqual(['target_info', 'sound_total', 'sluice_scrape_conflicts'])
  expect(families.at(-1)!.metric).toMatchObject([{ label: [{ value: 'series_dropped' }], gauge: { value: 1 } }])
  expect(log).toEqual([expect.stringContaining('"huge" has series that are not exposed in protobuf')])
})
