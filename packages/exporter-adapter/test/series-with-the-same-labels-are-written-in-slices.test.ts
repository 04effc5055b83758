import type { StreamPoints } from '@otel-sluice/processor'
import { expect, test } from 'vitest'
import type { SampleWriter } from '../src/prometheus/sample-writer.ts'
import { type SharedPoint, writeShared } from '../src/prometheus/shared-points.ts'
import { exposed } from './support/exposed.ts'

const BLOCKS = 200

async function pointsOf(count: number, values: readonly number[]): Promise<StreamPoints> {
  const { reader, meter, view } = exposed()
  const counter = meter.createCounter('c')
  for (let i = 0; i < count; i++) counter.add(values[i % values.length]!, { i })
  await reader.flush()
  const [points] = [...view().streams()]
  await reader.shutdown()
  return points!
}

/** Only what is called here. */
function writerTo(scalar: SampleWriter['scalar']): SampleWriter {
  return { scalar } as unknown as SampleWriter
}

test('each set of labels is one item of work, written when its turn comes', async () => {
  const points = await pointsOf(2 * BLOCKS, [1, 2])
  const exemplars: never[] = []
  const shared = new Map<number, SharedPoint[]>()
  for (let index = 0; index < 2 * BLOCKS; index++) {
    const block = index >> 1
    shared.set(block, [...(shared.get(block) ?? []), { points, index, exemplars }])
  }
  const written: [block: number, value: number][] = []
  const writer = writerTo((block, each, index) => written.push([block, each.numberOf(index)]))
  const afterEach: number[] = []
  const outcome = await writeShared(writer, shared, async (count, work) => {
    for (let i = 0; i < count; i++) {
      work(i)
      await new Promise((resolve) => setImmediate(resolve))
      afterEach.push(written.length)
    }
  })
  expect(afterEach).toEqual(Array.from({ length: BLOCKS }, (_, i) => i + 1))
  expect(written).toEqual(Array.from({ length: BLOCKS }, (_, block) => [block, 3]))
  expect(outcome).toMatchObject({ merged: BLOCKS, dropped: 0 })
})

test('more series of one set of labels than a call can have arguments are one', async () => {
  const count = 1000
  const points = await pointsOf(count, [1])
  const exemplars: never[] = []
  const all = Array.from({ length: 200_000 }, (_, i) => ({ points, index: i % count, exemplars }))
  let value = 0
  let startUnixMicros = 0
  const writer = writerTo((_block, each, index) => {
    value = each.numberOf(index)
    startUnixMicros = each.startUnixMicrosOf(index)
  })
  await writeShared(writer, new Map([[0, all]]), async (_, work) => work(0))
  expect(value).toBe(200_000)
  expect(startUnixMicros).toBe(points.startUnixMicrosOf(0))
})
