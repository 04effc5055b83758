import { expect, onTestFinished, test, vi } from 'vitest'
import { exposed } from './support/exposed.ts'

const STREAMS = 200

/** What puts a stream in its place is its JSON, which takes long. */
function countTexts(): () => number {
  const stringify = vi.spyOn(JSON, 'stringify')
  onTestFinished(() => stringify.mockRestore())
  return () => stringify.mock.calls.filter(([value]) => Array.isArray(value)).length
}

test('of many instruments each is looked at once, and of one more only that', async () => {
  const { reader, meter, renderer } = exposed()
  onTestFinished(() => reader.shutdown())
  for (let i = 0; i < STREAMS; i++) meter.createCounter(`c${(i * 7) % STREAMS}`).add(1)
  await reader.flush()
  const { text } = renderer()
  const texts = countTexts()
  const first = await text()
  expect(texts()).toBe(STREAMS)
  expect(first.match(/^# TYPE/gm)).toHaveLength(STREAMS)
  meter.createCounter('more').add(1)
  await reader.flush()
  const before = texts()
  expect(await text()).toContain('more_total')
  expect(texts() - before).toBeLessThanOrEqual(2)
})
