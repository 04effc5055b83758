import type { Attributes } from '@opentelemetry/api'
import { DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import { describe, expect, test } from 'vitest'
import type { Series } from '../src/series/series.ts'
import { Stream } from '../src/series/stream.ts'
import { bufferedPipeline } from './support/buffered-pipeline.ts'
import { canonical, neighbourOf, objectOf, randomEntries, randomFrom } from './support/random-attributes.ts'

const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
const PAIRS = Number(process.env.SLUICE_RUNS ?? 200) * 5_000
const PAIRS_OF_A_POOL = 20_000

const newStream = () =>
  new Stream(
    { name: 'test' },
    { name: 'm', description: '', unit: '', valueType: 0 },
    InstrumentType.COUNTER,
    { type: DataPointType.SUM, isMonotonic: true },
    Number.POSITIVE_INFINITY,
  )

/** Nobody holds it, and it was never recorded: its stream forgets it. */
function forget(series: Series): void {
  series.hold()
  series.letGo()
}

/** A set, and what it is known by. */
interface Sample {
  readonly attributes: Attributes
  readonly key: string
}

/** Neighbours side by side, so that what differs by little is compared more often than by chance. */
function samples(count: number, random: () => number): Sample[] {
  const made: Sample[] = []
  let entries = randomEntries(random)
  for (let n = 0; n < count; n++) {
    made.push({ attributes: objectOf(entries, random), key: canonical(entries) })
    entries = random() < 0.7 ? neighbourOf(entries, random) : randomEntries(random)
  }
  return made
}

test(`as pairs at random, in an index that grows and shrinks (seed ${SEED}, ${PAIRS} pairs)`, {
  timeout: 600_000,
}, () => {
  console.log(`attribute sets: SLUICE_SEED=${SEED}, ${PAIRS} pairs`)
  const random = randomFrom(SEED)
  let stream = newStream()
  let oracle = new Map<string, Series>()
  const seriesOf = ({ attributes, key }: Sample): Series => {
    const known = oracle.get(key)
    const found = stream.index.find(attributes)
    if (found !== known) throw new Error(`{${key}} finds ${shown(found)} where ${shown(known)} is known`)
    if (known !== undefined) return known
    const series = stream.seriesFor(attributes, true)
    oracle.set(key, series)
    return series
  }
  let equal = 0
  let different = 0
  for (let pair = 0; pair < PAIRS; ) {
    if (random() < 0.3) {
      stream = newStream()
      oracle = new Map()
    }
    const pool = samples(600, random)
    for (let each = 0; each < PAIRS_OF_A_POOL; each++, pair++) {
      const at = Math.floor(random() * (pool.length - 4))
      const one = pool[at]!
      const other = pool[at + 1 + Math.floor(random() * 3)]!
      const areOne = seriesOf(one) === seriesOf(other)
      if (areOne !== (one.key === other.key))
        throw new Error(`{${one.key}} and {${other.key}}: one series is ${areOne}`)
      if (areOne) equal++
      else different++
      if (random() < 0.1) {
        forget(oracle.get(one.key)!)
        oracle.delete(one.key)
      }
      if (stream.size !== oracle.size) throw new Error(`${stream.size} series are known, and should be ${oracle.size}`)
    }
    if (random() < 0.3) {
      // Down to nothing, one by one.
      for (const series of oracle.values()) forget(series)
      oracle.clear()
    }
  }
  // Neither side of the law goes untried.
  expect(equal).toBeGreaterThan(PAIRS / 20)
  expect(different).toBeGreaterThan(PAIRS / 20)
})

function shown(series: Series | undefined): string {
  return series === undefined ? 'nothing' : `{${canonical(Object.entries(series.attributes))}}`
}

test('as recorded and exported, over many turns in which they come, go and come back', async () => {
  const random = randomFrom(SEED)
  const { meter, turn } = bufferedPipeline({ cardinalityLimits: { default: 100_000 } })
  const counter = meter.createCounter('counter')
  for (let each = 0; each < 60; each++) {
    const expected = new Map<string, number>()
    for (let record = 0; record < 300; record++) {
      const one = randomEntries(random)
      for (const entries of [one, neighbourOf(one, random)]) {
        const key = canonical(entries)
        expected.set(key, (expected.get(key) ?? 0) + record)
        counter.add(record, objectOf(entries, random))
      }
    }
    const exported = await turn()
    const counted = exported.map(({ attributes, value }) => [canonical(Object.entries(attributes)), value] as const)
    expect(counted).toHaveLength(expected.size)
    expect(new Map(counted)).toEqual(expected)
  }
})

describe('what the caller does with its object afterwards changes nothing', () => {
  test.each([
    ['a value', { a: 'x' }, (attributes: Attributes) => Object.assign(attributes, { a: 'y' })],
    ['a name more', { a: 'x' }, (attributes: Attributes) => Object.assign(attributes, { b: 'y' })],
    ['an item of an array', { a: ['x', 'y'] }, (attributes: Attributes) => (attributes.a as string[]).push('z')],
  ] as const)('%s', async (_what, original, change) => {
    const { meter, points } = bufferedPipeline()
    const counter = meter.createCounter('counter')
    const attributes: Attributes = structuredClone(original) as Attributes
    counter.add(1, attributes)
    change(attributes)
    counter.add(10, attributes)
    counter.add(100, structuredClone(original) as Attributes)
    expect(await points()).toEqual([
      [original, 101],
      [attributes, 10],
    ])
  })

  test('an object that is used again for every record is as many sets as it was', async () => {
    const { meter, points } = bufferedPipeline()
    const counter = meter.createCounter('counter')
    const attributes = { n: 0, list: [0] }
    for (let n = 0; n < 5; n++) {
      attributes.n = n
      attributes.list[0] = n
      counter.add(n, attributes)
    }
    expect(await points()).toEqual([0, 1, 2, 3, 4].map((n) => [{ n, list: [n] }, n]))
  })
})

test('a getter that gives something else each time makes one series for each thing it gave', async () => {
  const { meter, turn } = bufferedPipeline()
  const counter = meter.createCounter('counter')
  let reads = 0
  const fickle = {
    z: 1,
    get n() {
      return reads++ % 3
    },
  }
  for (let each = 0; each < 50; each++) counter.add(1, fickle)
  // Whatever was read, it is looked for and kept as the same.
  for (let n = 0; n < 3; n++) {
    counter.add(1_000, { n, z: 1 })
    counter.add(1_000, { z: 1, n })
  }
  const exported = await turn()
  expect(exported.map(({ attributes }) => attributes.n).sort()).toEqual([0, 1, 2])
  for (const { value } of exported) {
    expect(value).toBeGreaterThanOrEqual(2_000)
    expect(value).toBeLessThan(2_100)
  }
})
