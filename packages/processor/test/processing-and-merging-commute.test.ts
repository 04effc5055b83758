import { AggregationTemporality, type Histogram } from '@opentelemetry/sdk-metrics'
import { dropAttributes, keepAttributes, type MetricProcessor } from '@otel-sluice/processor'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bufferedPipeline } from './support/buffered-pipeline.ts'

const recording = fc.record({
  value: fc.nat(1000),
  a: fc.constantFrom('x', 'y'),
  b: fc.integer({ min: 0, max: 3 }),
})
const generations = fc.array(fc.array(recording, { maxLength: 8 }), { minLength: 1, maxLength: 5 })

/** What counters and histograms come to over all turns, by attributes; `process` is applied to the attributes of each point. */
async function merged(
  turns: { value: number; a: string; b: number }[][],
  processors: MetricProcessor[],
  process: MetricProcessor | undefined,
) {
  const { adapter, meter, turn } = bufferedPipeline({}, { processors }, AggregationTemporality.DELTA)
  const [counter, histogram] = [meter.createCounter('counter'), meter.createHistogram('histogram')]
  for (const recordings of turns) {
    for (const { value, ...attributes } of recordings) {
      counter.add(value, attributes)
      histogram.record(value, attributes)
    }
    await turn()
  }
  const totals = new Map<string, number[]>()
  for (const { name, attributes, value } of adapter.absorbed) {
    const key = JSON.stringify([name, process?.processAttributes?.(attributes, undefined as never) ?? attributes])
    const numbers = typeof value === 'number' ? [value] : numbersOf(value as Histogram)
    const before = totals.get(key)
    totals.set(key, before === undefined ? numbers : before.map((number, i) => number + numbers[i]!))
  }
  return totals
}

function numbersOf({ buckets, count, sum }: Histogram): number[] {
  return [count, sum ?? 0, ...buckets.counts]
}

test.each([
  ['dropping', dropAttributes(['b'])],
  ['keeping', keepAttributes(['b'])],
])('%s attributes of each generation and merging equals merging and then doing so', async (_what, processor) => {
  await fc.assert(
    fc.asyncProperty(generations, async (turns) => {
      const processedFirst = await merged(turns, [processor], undefined)
      const mergedFirst = await merged(turns, [], processor)
      expect(new Map([...processedFirst].sort())).toEqual(new Map([...mergedFirst].sort()))
    }),
    { numRuns: 60 },
  )
})
