import { AggregationTemporality, AggregationType, DataPointType, type Histogram } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { differences, scaleDifferences } from '../src/compare.ts'
import type { ExportedPoint } from '../src/exported.ts'
import { sideBySide } from '../src/side-by-side.ts'

/** One point of each type, as exported. */
async function points(): Promise<readonly ExportedPoint[]> {
  const { meter, flush, end } = sideBySide('delta', [
    { instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
  ])
  meter.createCounter('sum').add(0.5, { a: 1 })
  meter.createGauge('gauge').record(1.5)
  for (const value of [1, 7, 900]) {
    meter.createHistogram('explicit').record(value)
    meter.createHistogram('exponential').record(value)
  }
  const { ours } = await flush()
  await end()
  return ours
}

const exported = await points()
const typed = (type: DataPointType): ExportedPoint => exported.find((point) => point.type === type)!

const SPOILED: Record<string, (point: ExportedPoint) => ExportedPoint> = {
  'another scope, name or attribute': (point) => ({ ...point, key: `${point.key} ` }),
  'another descriptor': (point) => ({ ...point, frame: `${point.frame} ` }),
  'another sum': (point) => ({ ...point, value: 0.5 + 1e-12 }),
}

const SPOILED_HISTOGRAMS: Record<string, (value: Histogram) => void> = {
  'no min': (value) => {
    delete value.min
  },
  'another max': (value) => {
    value.max = 901
  },
  'another count': (value) => {
    value.count++
  },
  'another sum': (value) => {
    value.sum!++
  },
  'no sum': (value) => {
    delete value.sum
  },
}

test('equal exports do not differ', () => {
  expect(differences(exported, exported, 1)).toEqual([])
})

test.each(Object.entries(SPOILED))('%s is a difference', (_, spoil) => {
  const sum = typed(DataPointType.SUM)
  expect(differences([spoil(sum)], [sum], 1)).not.toEqual([])
  expect(differences([sum], [spoil(sum)], 1)).not.toEqual([])
})

test.each([DataPointType.HISTOGRAM, DataPointType.EXPONENTIAL_HISTOGRAM])(
  'a histogram that says anything else differs (point type %i)',
  (type) => {
    const point = typed(type)
    for (const [what, spoil] of Object.entries(SPOILED_HISTOGRAMS)) {
      const value = structuredClone(point.value) as Histogram
      spoil(value)
      expect(differences([{ ...point, value }], [point], 1), what).not.toEqual([])
    }
  },
)

test('a value in the bucket beside it is a difference', () => {
  const explicit = typed(DataPointType.HISTOGRAM)
  const moved = structuredClone(explicit.value) as Histogram
  moved.buckets.counts.unshift(moved.buckets.counts.pop()!)
  expect(differences([{ ...explicit, value: moved }], [explicit], 1)).not.toEqual([])

  const exponential = typed(DataPointType.EXPONENTIAL_HISTOGRAM)
  const shifted = structuredClone(exponential.value) as { positive: { offset: number }; scale: number }
  shifted.positive.offset++
  expect(differences([{ ...exponential, value: shifted }], [exponential], 1)).not.toEqual([])
})

test('an exponential histogram that is finer is a difference where nothing was merged', () => {
  const coarse = typed(DataPointType.EXPONENTIAL_HISTOGRAM)
  const finer = structuredClone(coarse.value) as { scale: number }
  finer.scale++
  expect(scaleDifferences([coarse], [coarse])).toEqual([])
  expect(scaleDifferences([{ ...coarse, value: finer }], [coarse])).toHaveLength(1)
})

test('a missing point, one too many and one that comes twice are differences', () => {
  const [first, ...rest] = exported
  expect(differences(rest, exported, 1)).toHaveLength(1)
  expect(differences(exported, rest, 1)).toHaveLength(1)
  expect(differences([first!, ...exported], exported, 1)).toHaveLength(1)
})

test('the exporter that keeps the points asks for what it is told to', () => {
  expect(exported.every(({ temporality }) => temporality === AggregationTemporality.DELTA)).toBe(true)
  expect(new Set(exported.map(({ type }) => type)).size).toBe(4)
})
