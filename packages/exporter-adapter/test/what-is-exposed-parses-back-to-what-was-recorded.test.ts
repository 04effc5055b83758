import assert from 'node:assert/strict'
import type { Attributes } from '@opentelemetry/api'
import { diag } from '@opentelemetry/api'
import {
  AggregationType,
  DataPointType,
  type Histogram,
  InstrumentType,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import { MetricsBuffer, type Stream } from '@otel-sluice/processor'
import fc from 'fast-check'
import { beforeEach, test } from 'vitest'
import { ESCAPINGS, escapedMetricName } from '../src/prometheus/escaping.ts'
import { Labels, scopeAttributes } from '../src/prometheus/labels.ts'
import { TRANSLATION_STRATEGIES, translateName } from '../src/prometheus/names.ts'
import { exposed } from './support/exposed.ts'
import { type ParsedFamily, parseText } from './support/prometheus-text.ts'

/**
 * The law of exposition, over random names, labels, units and values of which many collide: a strict parser reads every text
 * back to just the series that were recorded, or to what those of the same labels come to as documented.
 */
const RUNS = Number(process.env.SLUICE_ROUND_TRIPS ?? 500)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

const name = fc.constantFrom(
  'a.b',
  'a_b',
  'a__b',
  'a',
  'a.total',
  'a_total',
  'a_bytes',
  'a_sum',
  'a_bucket',
  'a_count',
  'a_created',
  '1st',
  'größe',
  '💧',
  'target_info',
  'x:y',
  '_',
  '',
  'a\0b',
  'c\x01\n\x7f',
)
const unit = fc.constantFrom('', 'By', 's', '1', '{thing}', 'm/s', '%')
const key = fc.constantFrom(
  'k',
  'k.l',
  'k_l',
  '',
  '1',
  'le',
  'quantile',
  'job',
  '__name__',
  'otel_scope_name',
  'schlüssel',
  '💧',
  '\ud800',
  'k\n"',
  'k\0l',
  '\x01\r\x7f',
  '__proto__',
)
const label = fc.oneof(
  fc.constantFrom('v', '', '\\', '"', '\n', 'a;b', 'ü💧', '\udc00x'),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(['x', 'y'], [1, 2]),
)
const attributes = fc
  .array(fc.tuple(key, label), { maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs) as Attributes)
const value = fc.oneof(
  fc.nat({ max: 1000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e12 }),
  fc.constantFrom(2 ** 53, 1e21, 5e-324, 0.1),
)

const recording = fc.record({
  scope: fc.constantFrom('test', 'other'),
  kind: fc.constantFrom('counter', 'upDown', 'gauge', 'histogram'),
  name,
  unit,
  description: fc.constantFrom('', 'it\'s "a" \\ thing\nof two lines'),
  attributes,
  values: fc.array(value, { minLength: 1, maxLength: 3 }),
})

const program = fc.record({
  recordings: fc.array(recording, { minLength: 1, maxLength: 12 }),
  strategy: fc.constantFrom(...TRANSLATION_STRATEGIES),
  escaping: fc.constantFrom(...ESCAPINGS),
  isOpenMetrics: fc.boolean(),
  scopeInfo: fc.boolean(),
  // Those have no sum, and so no count in OpenMetrics.
  fallingAsHistograms: fc.boolean(),
})

const FALLING_AS_HISTOGRAMS: ViewOptions[] = [InstrumentType.UP_DOWN_COUNTER, InstrumentType.GAUGE].map(
  (instrumentType) => ({
    instrumentType,
    aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [1, 100] } },
  }),
)

beforeEach(() => diag.disable())

test(`every series is exposed once, or as a part of one with the same labels (seed ${SEED}, ${RUNS} runs)`, {
  timeout: 30_000 + 20 * RUNS,
}, async () => {
  const seen = { series: 0, merged: 0, droppedMetrics: 0 }
  await fc.assert(
    fc.asyncProperty(program, async ({ recordings, fallingAsHistograms, ...wanted }) => {
      const views = fallingAsHistograms ? FALLING_AS_HISTOGRAMS : []
      const { reader, renderer, view } = exposed(new MetricsBuffer({ views }))
      for (const each of recordings) record(reader, each)
      await reader.flush()
      const { text, conflicts } = renderer({ ...wanted })
      const exposedText = await text()
      assert.equal(await text(), exposedText, 'a second rendering')
      const families = parseText(exposedText, wanted.isOpenMetrics)

      let missing = 0
      const expected = new Map<string, { sums: number[]; isSum: boolean; count: number }>()
      for (const points of view().streams()) {
        const { stream } = points
        const base = sampleNameOf(stream, wanted)
        const isHistogram = stream.aggregation.type === DataPointType.HISTOGRAM
        const added = wanted.scopeInfo ? scopeAttributes(stream.scope, wanted.strategy, wanted.escaping) : {}
        const labels = new Labels(wanted.strategy, wanted.escaping)
        const keys = points.series.map((series) =>
          keyOf(isHistogram ? `${base}_bucket` : base, {
            ...Object.fromEntries(labels.of(series.attributes, added, isHistogram ? 'le' : undefined)),
            ...(isHistogram && { le: '+Inf' }),
          }),
        )
        const family = familyOf(families, base, stream, wanted.isOpenMetrics)
        if (family === undefined) {
          missing++
          continue
        }
        keys.forEach((each, i) => {
          const before = expected.get(each) ?? { sums: [], isSum: true, count: 0 }
          const number = isHistogram ? (points.valueOf(i) as Histogram).count : points.numberOf(i)
          before.sums.push(number)
          before.isSum &&= stream.aggregation.type !== DataPointType.GAUGE
          expected.set(each, before)
        })
      }
      assert.equal(missing, conflicts.droppedMetrics, 'metrics left out are counted')
      const samples = [...families.values()].flatMap((family) => family.samples)
      const counted = samples.filter(
        (sample) =>
          !/_(bucket|sum|count|created)$/.test(sample.name) || expected.has(keyOf(sample.name, sample.labels)),
      )
      let merged = 0
      for (const { name: sampleName, labels, value: read } of counted) {
        const found = expected.get(keyOf(sampleName, labels))
        assert(found !== undefined, `${sampleName} ${JSON.stringify(labels)} was never recorded`)
        if (found.isSum)
          assert.equal(
            read,
            found.sums.reduce((a, b) => a + b, 0),
            sampleName,
          )
        else
          assert(
            found.sums.some((each) => Object.is(each, read) || each === read),
            sampleName,
          )
        merged += found.sums.length - 1
        expected.delete(keyOf(sampleName, labels))
      }
      assert.deepEqual([...expected.keys()], [], 'recorded and not exposed')
      assert.equal(merged, conflicts.mergedSeries, 'merged series are counted')
      seen.series += counted.length
      seen.merged += merged
      seen.droppedMetrics += missing
      await reader.shutdown()
    }),
    { numRuns: RUNS, seed: SEED },
  )
  console.log(`round trips: seed ${SEED}, ${RUNS} runs, ${JSON.stringify(seen)}`)
})

type Recording = typeof recording extends fc.Arbitrary<infer T> ? T : never

function record(
  reader: ReturnType<typeof exposed>['reader'],
  { scope, kind, name: metric, values, ...rest }: Recording,
): void {
  const meter = reader.buffer.getMeter(scope)
  const options = { unit: rest.unit, description: rest.description }
  for (const each of values) {
    if (kind === 'counter') meter.createCounter(metric, options).add(each, rest.attributes)
    else if (kind === 'upDown') meter.createUpDownCounter(metric, options).add(each, rest.attributes)
    else if (kind === 'gauge') meter.createGauge(metric, options).record(each, rest.attributes)
    else
      meter
        .createHistogram(metric, { ...options, advice: { explicitBucketBoundaries: [1, 100] } })
        .record(each, rest.attributes)
  }
}

function sampleNameOf(
  { descriptor, aggregation }: Stream,
  { strategy, escaping }: { strategy: (typeof TRANSLATION_STRATEGIES)[number]; escaping: (typeof ESCAPINGS)[number] },
): string {
  const isCounter = aggregation.type === DataPointType.SUM && aggregation.isMonotonic
  const { base, counterSuffix } = translateName(descriptor.name, descriptor.unit, isCounter, strategy)
  return escapedMetricName(base + counterSuffix, escaping)
}

/** Of the type that the stream has; undefined where the name is another one's. */
function familyOf(
  families: ReadonlyMap<string, ParsedFamily>,
  base: string,
  { aggregation }: Stream,
  isOpenMetrics: boolean,
): ParsedFamily | undefined {
  const isCounter = aggregation.type === DataPointType.SUM && aggregation.isMonotonic
  const isSuffixed = base.endsWith('_total') && base !== '_total'
  const family = families.get(isCounter && isOpenMetrics && isSuffixed ? base.slice(0, -6) : base)
  const type = isCounter
    ? isOpenMetrics && !isSuffixed
      ? 'unknown'
      : 'counter'
    : aggregation.type === DataPointType.HISTOGRAM
      ? 'histogram'
      : 'gauge'
  return family?.type === type ? family : undefined
}

function keyOf(sampleName: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([sampleName, Object.entries(labels).sort()])
}
