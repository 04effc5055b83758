import { beforeEach, expect, test, vi } from 'vitest'
import { served } from './support/scraped.ts'

/** How long each compression takes from now on, and how many there were. */
const compression = vi.hoisted(() => ({ millis: 0, count: 0 }))

vi.mock('node:zlib', async (original) => {
  const zlib = await original<typeof import('node:zlib')>()
  return {
    ...zlib,
    createGzip: (options: import('node:zlib').ZlibOptions) => {
      compression.count++
      const gzip = zlib.createGzip(options)
      const flush = gzip._flush.bind(gzip)
      gzip._flush = (done) => void setTimeout(flush, compression.millis, done).unref()
      return gzip
    },
  }
})

beforeEach(() => {
  compression.millis = 0
  compression.count = 0
})

const FOR_EVER = 2 ** 31 - 1

/** With a counter that the last turn has seen at 1, and that is at 2. */
async function scrapedOnce() {
  const all = await served({ reader: { collectTimeoutMillis: 60_000 } })
  const counter = all.meter.createCounter('c')
  counter.add(1)
  const scrape = async (seconds: number) => {
    const startedMillis = performance.now()
    const headers = { 'accept-encoding': 'gzip', 'x-prometheus-scrape-timeout-seconds': String(seconds) }
    const { status, text, headers: given } = await all.scrape(undefined, headers)
    return {
      status,
      value: /^c_total.* (.*)$/m.exec(text)?.[1],
      encoding: given['content-encoding'],
      isInTime: performance.now() - startedMillis < 1000 * seconds,
    }
  }
  await scrape(10)
  counter.add(1)
  const hang = () =>
    all.provider
      .getMeter('sdk')
      .createObservableGauge('hangs')
      .addCallback(() => new Promise(() => {}))
  return { scrape, hang }
}

test('what is not compressed in time is sent as it is, and not rendered again', async () => {
  const { scrape } = await scrapedOnce()
  compression.millis = FOR_EVER
  expect(await scrape(1)).toEqual({ status: 200, value: '2', encoding: undefined, isInTime: true })
  expect(compression.count).toBe(2)
})

test('the same for what the last turn has left, where a callback hangs', async () => {
  const { scrape, hang } = await scrapedOnce()
  compression.millis = FOR_EVER
  hang()
  expect(await scrape(1)).toEqual({ status: 200, value: '1', encoding: undefined, isInTime: true })
})

test('where a callback hangs there is time left for a compression as long as the last one', async () => {
  compression.millis = 500
  const { scrape, hang } = await scrapedOnce()
  hang()
  expect(await scrape(4)).toEqual({ status: 200, value: '1', encoding: 'gzip', isInTime: true })
})

test('where there is no time for one as long as the last one, nobody waits for it', async () => {
  compression.millis = 2_000
  const { scrape } = await scrapedOnce()
  compression.millis = FOR_EVER
  const startedMillis = performance.now()
  expect(await scrape(2)).toEqual({ status: 200, value: '2', encoding: undefined, isInTime: true })
  expect(performance.now() - startedMillis).toBeLessThan(1_000)
})
