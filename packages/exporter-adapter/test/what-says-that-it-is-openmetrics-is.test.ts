import { type Attributes, diag, type Meter } from '@opentelemetry/api'
import { AggregationType, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { type ParsedFamily, parseText } from './support/prometheus-text.ts'
import { OPENMETRICS, served } from './support/scraped.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})
afterEach(() => diag.disable())

interface Read {
  readonly families: Map<string, ParsedFamily>
  readonly conflicts: Record<string, number>
}

/** What the instruments of the SDK come to in OpenMetrics, after so many scrapes, and in text 0.0.4. */
async function read(record: (meter: Meter) => void, views: ViewOptions[] = [], scrapes = 1) {
  const { provider, scrape } = await served({ provider: { views } })
  record(provider.getMeter('sdk'))
  for (let i = 1; i < scrapes; i++) await scrape()
  const families = parseText((await scrape(OPENMETRICS)).text, true)
  return { openMetrics: summed(families), text: summed(parseText((await scrape()).text)) }
}

function summed(families: Map<string, ParsedFamily>): Read {
  const conflicts = families.get('sluice_scrape_conflicts')?.samples ?? []
  return { families, conflicts: Object.fromEntries(conflicts.map(({ labels, value }) => [labels.kind!, value])) }
}

function namesIn({ families }: Read, family: string): string[] {
  return [...new Set(families.get(family)?.samples.map(({ name }) => name))]
}

const explicit = (boundaries: number[]): ViewOptions => ({
  instrumentName: '*',
  aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries } },
})
const EXPONENTIAL: ViewOptions = { instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }

describe('a counter', () => {
  const isNoNumber = (meter: Meter) => meter.createCounter('c').add(Number.NaN)
  const isObservedAsNone = (meter: Meter) =>
    meter.createObservableCounter('c').addCallback((result) => result.observe(Number.NaN))

  test.each([
    ['NaN was added to', isNoNumber],
    ['is observed as NaN', isObservedAsNone],
  ])('that %s is left out, said and counted', async (_, record) => {
    const { openMetrics, text } = await read((meter) => {
      record(meter)
      meter.createCounter('d').add(1)
    })
    expect(openMetrics.families.get('c')?.samples).toEqual([])
    expect(openMetrics.conflicts).toEqual({ series_dropped: 1 })
    expect(openMetrics.families.get('d')!.samples).toMatchObject([{ value: 1 }, { name: 'd_created' }])
    expect(text.families.get('c_total')!.samples).toMatchObject([{ value: Number.NaN }])
    expect(text.conflicts).toEqual({})
    expect(log.filter((line) => line.includes('"c" has series that are not exposed in OpenMetrics'))).toHaveLength(1)
  })

  test('of ours that is observed below 0 is left out, and its other series stay', async () => {
    const { meter, scrape } = await served()
    const observed: [number, Attributes][] = [
      [-5, { a: 'x' }],
      [5, { a: 'y' }],
    ]
    meter.createObservableCounter('c').addCallback((result) => {
      for (const [value, attributes] of observed) result.observe(value, attributes)
    })
    const openMetrics = summed(parseText((await scrape(OPENMETRICS)).text, true))
    expect(openMetrics.families.get('c')!.samples).toMatchObject([{ value: 5 }, { name: 'c_created' }])
    expect(openMetrics.conflicts).toEqual({ series_dropped: 1 })
    const text = parseText((await scrape()).text)
    expect(text.get('c_total')!.samples.map(({ value }) => value)).toEqual([-5, 5])
  })

  test('whose type is unknown may be anything', async () => {
    const { provider, scrape } = await served({ translationStrategy: 'NoTranslation' })
    isNoNumber(provider.getMeter('sdk'))
    const families = parseText((await scrape(OPENMETRICS)).text, true)
    expect(families.get('c')).toMatchObject({ type: 'unknown', samples: [{ value: Number.NaN }] })
  })
})

describe('a histogram', () => {
  const falling = (meter: Meter) => {
    let value = 20
    meter.createObservableCounter('h').addCallback((result) => {
      value -= 8
      result.observe(value)
    })
  }

  test.each([
    ['explicit', explicit([0, 10])],
    ['exponential', EXPONENTIAL],
  ])('that is %s and has no sum has no count either', async (_, view) => {
    const { openMetrics, text } = await read((meter) => meter.createUpDownCounter('h').add(5), [view])
    expect(namesIn(openMetrics, 'h')).toEqual(['h_bucket', 'h_created'])
    expect(namesIn(text, 'h')).toEqual(['h_bucket', 'h_count'])
  })

  test.each([
    ['explicit', explicit([0, 10])],
    ['exponential', EXPONENTIAL],
  ])('that is %s and has a sum below 0 has neither', async (_, view) => {
    const { openMetrics, text } = await read(falling, [view], 4)
    expect(text.families.get('h')!.samples.find(({ name }) => name === 'h_sum')!.value).toBeLessThan(0)
    expect(namesIn(openMetrics, 'h')).toEqual(['h_bucket', 'h_created'])
  })
})
