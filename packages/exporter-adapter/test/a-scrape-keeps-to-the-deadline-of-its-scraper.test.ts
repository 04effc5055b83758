import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { scrapeMillis } from '../src/prometheus/http/scrape-deadline.ts'
import { closeAll, get, serve } from './support/scrape-server.ts'

afterEach(closeAll)

test.each([
  ['10', 9_000],
  ['2.5', 2_250],
  ['1', 900],
  ['0.5', 400],
  ['0.2', 100],
  ['0.1', 50],
  ['0.01', 5],
  ['60', 10_000],
])('a scraper that waits %s s leaves %s ms for the scrape', (header, millis) => {
  expect(scrapeMillis(header, 10_000)).toBeCloseTo(millis, 6)
})

test.each([
  '',
  ' ',
  '0',
  '0.0',
  '-1',
  '+1',
  '1e3',
  '0x10',
  'NaN',
  'Infinity',
  '10s',
  '1,5',
  '1, 2',
  '.5',
  '5.',
  '1000000',
])('a time-out of "%s" is not there', (header) => {
  expect(scrapeMillis(header, 10_000)).toBe(10_000)
})

test('without a header, or with several, the option holds', () => {
  expect(scrapeMillis(undefined, 10_000)).toBe(10_000)
  expect(scrapeMillis(['1', '2'], 10_000)).toBe(10_000)
})

test('it is over before the scraper goes, never after the option, and there is always some time', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e5, noNaN: true }), fc.integer({ min: 1, max: 1e6 }), (seconds, most) => {
      const millis = scrapeMillis(seconds.toFixed(9), most)
      expect(millis).toBeGreaterThan(0)
      expect(millis).toBeLessThanOrEqual(most)
      expect(millis).toBeLessThan(Number(seconds.toFixed(9)) * 1000)
    }),
  )
})

test('a scraper that waits longer is never given less', () => {
  const seconds = fc.integer({ min: 1, max: 1e8 }).map((millis) => millis / 1000)
  fc.assert(
    fc.property(seconds, seconds, (one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)].map((each) =>
        scrapeMillis(each.toFixed(3), 1e6),
      )
      expect(less).toBeLessThanOrEqual(more!)
    }),
  )
})

test('the header of a request is heeded, below the option', async () => {
  const { port, fake } = await serve({ scrapeTimeoutMillis: 5_000 })
  for (const seconds of ['2', '60', 'x']) {
    await get(port, { headers: { 'X-Prometheus-Scrape-Timeout-Seconds': seconds } })
  }
  expect(fake.wanted.map(({ timeoutMillis }) => timeoutMillis)).toEqual([1_800, 5_000, 5_000])
})

test('what authorization takes is missing from the scrape', async () => {
  const { port, fake } = await serve({
    scrapeTimeoutMillis: 5_000,
    authorize: (request) => {
      const started = performance.now()
      // Time has to pass, and nothing else: a timer might be early by its clock.
      while (performance.now() - started < 20) {}
      return request.method === 'GET'
    },
  })
  await get(port)
  expect(fake.wanted[0]!.timeoutMillis).toBeLessThanOrEqual(4_980)
  expect(fake.wanted[0]!.timeoutMillis).toBeGreaterThan(1_000)
})
