import { AggregationType, InstrumentType, type ViewOptions } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { createDescriptor } from '../src/buffer/instrument-descriptor.ts'
import { Views } from '../src/buffer/views.ts'
import { diagLog } from './support/diag-log.ts'

let log: string[]
beforeEach(() => {
  log = diagLog()
})

const scope = { name: 'app', version: '' }
const histogram = (name: string, options = {}) => createDescriptor(name, InstrumentType.HISTOGRAM, options)
const byDefault = () => ({ type: AggregationType.DEFAULT }) as const
const streams = (views: Views, name: string, options = {}) =>
  views.streamsOf(histogram(name, options), scope, byDefault)

const selects = (instrumentName: string, name: string) =>
  streams(new Views([{ instrumentName, aggregation: { type: AggregationType.DROP } }]), name)[0]!.aggregation.type ===
  'drop'

test.each([
  ['h*.s*.load', 'http.server.load', true],
  ['h*.s*.load', 'http.client.load', false],
  ['*s*', 'http.server.load', true],
  ['*x*', 'http.server.load', false],
  ['**', 'http.server.load', true],
])('every * stands for any number of characters: %s, %s', (pattern, name, isSelected) => {
  expect(selects(pattern, name)).toBe(isSelected)
})

test.each([
  ['lo?d', 'load', true],
  ['lo?d', 'lod', false],
  ['lo?d', 'loaad', false],
  ['????', 'load', true],
  ['?*', 'load', true],
])('every ? stands for one character: %s, %s', (pattern, name, isSelected) => {
  expect(selects(pattern, name)).toBe(isSelected)
})

test('a pattern and a name are alike exactly as a regular expression has it', () => {
  const character = fc.constantFrom('a', 'b', '.', '\n')
  const name = fc.array(character, { maxLength: 8 }).map((characters) => characters.join(''))
  const pattern = fc
    .array(fc.oneof(character, fc.constantFrom('*', '?')), { minLength: 1, maxLength: 8 })
    .map((characters) => characters.join(''))
  fc.assert(
    fc.property(pattern, name, (wildcards, text) => {
      const expression = wildcards.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      expect(selects(wildcards, text)).toBe(new RegExp(`^${expression}$`, 's').test(text))
    }),
    { numRuns: 5_000 },
  )
})

test('many * take no time at a long name', () => {
  const startedMicros = process.cpuUsage().user
  expect(selects('*a*a*a*a*a*a*a*a*b', 'a'.repeat(1_000))).toBe(false)
  expect(process.cpuUsage().user - startedMicros).toBeLessThan(1_000_000)
})

test('views that give one stream twice make one, by the first of them with the longer description, and say so once', () => {
  const options: ViewOptions[] = [
    { instrumentName: 'load', aggregation: { type: AggregationType.SUM }, aggregationCardinalityLimit: 7 },
    { instrumentName: '*', description: 'of the second view', aggregation: { type: AggregationType.DROP } },
  ]
  const views = new Views(options)
  for (let i = 0; i < 2; i++) {
    expect(streams(views, 'load', { description: 'short' })).toEqual([
      {
        descriptor: { ...histogram('load'), description: 'of the second view' },
        aggregation: { type: 'sum', isMonotonic: true },
        attributesProcessors: [],
        cardinalityLimit: 7,
      },
    ])
  }
  expect(log).toEqual([
    'warn sluice: MetricsBuffer: views[1] selects load, for which an earlier view gives a stream of the same name; ' +
      'the earlier one applies. Give one of them another name, or select fewer instruments',
  ])
})

test.each([
  [[5, 1], '[5,1]'],
  [[1, 1], '[1,1]'],
  [[Number.NaN], '[NaN]'],
  ['1,5', '"1,5"'],
])('advice of %s counts as none, and is told once', (explicitBucketBoundaries, shown) => {
  const views = new Views([{ instrumentName: 'load' }, { instrumentName: 'load', name: 'again' }])
  const advised = { advice: { explicitBucketBoundaries } }
  const plain = streams(views, 'load').map(({ aggregation }) => aggregation)
  for (let i = 0; i < 2; i++) {
    expect(streams(views, 'load', advised).map(({ aggregation }) => aggregation)).toEqual(plain)
  }
  expect(log).toEqual([
    expect.stringMatching(/^error sluice: the advice of load is ignored: advice\.explicitBucketBoundaries must be /),
  ])
  expect(log[0]).toContain(`got ${shown}`)
})

test.each([
  [
    () => ({ type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 0 } }) as const,
    'maxSize must be .* got 0',
  ],
  [() => undefined as never, 'must be an object with a type, got undefined'],
  [
    () => {
      throw new Error('out of order')
    },
    'out of order',
  ],
])('a selector that fails leaves the default aggregation and is told once (%#)', (selector, message) => {
  const views = new Views([])
  for (let i = 0; i < 2; i++) {
    const [stream] = views.streamsOf(createDescriptor('load', InstrumentType.COUNTER, undefined), scope, selector)
    expect(stream!.aggregation).toEqual({ type: 'sum', isMonotonic: true })
  }
  expect(log).toEqual([
    expect.stringMatching(
      new RegExp(`^error sluice: aggregationSelector\\(COUNTER\\) is of no use, so the default .*${message}$`),
    ),
  ])
})
