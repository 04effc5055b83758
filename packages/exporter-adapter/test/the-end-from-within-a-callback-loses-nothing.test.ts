import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { replayOf, total } from './support/ended-process.ts'

const PROGRAM = fileURLToPath(new URL('./support/process-that-ends-from-within.mjs', import.meta.url))
const SERIES = 3_000

let spoolDirectory: string
beforeEach(() => {
  spoolDirectory = mkdtempSync(join(tmpdir(), 'sluice-exit-'))
})
afterEach(() => rmSync(spoolDirectory, { recursive: true }))

type Temporality = 'DELTA' | 'CUMULATIVE'

/** Has a program end itself in one place, at this call and all later ones; then what the next process delivers of it, by metric. */
async function keptAfterTheEndIn(where: string, atCall = 1, temporality: Temporality = 'DELTA') {
  const situation = { where, atCall, temporality, series: SERIES, spoolDirectory }
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, JSON.stringify(situation)], {
    encoding: 'utf8',
  })
  expect(status).toBe(7)
  // Nobody was called again: that would have ended the process before this was said.
  expect(JSON.parse(stdout)).toEqual({ calls: where === 'a getter' ? 1 : atCall })
  const { sayings } = await replayOf(spoolDirectory, temporality)
  const points = sayings.flatMap((saying) =>
    typeof saying === 'object' && 'exported' in saying ? (saying.exported as readonly [string, number][]) : [],
  )
  const kept = (name: string) => total(points.filter((point) => point[0] === name).map(([, value]) => value))
  return {
    buffer: kept('recorded'),
    sdk: kept('recorded_by_the_sdk'),
    getters: kept('kept_by_the_sdk'),
    stderr,
  }
}

describe('process.exit() in', () => {
  test.each([
    ['testMetric, of what the buffer recorded', 'testMetric of the buffer', 1],
    ['testMetric, of what the SDK gave', 'testMetric of the SDK', 1],
    ['testAttributes, of what the buffer recorded', 'testAttributes of the buffer', 1],
    ['testAttributes, in the middle of it', 'testAttributes of the buffer', SERIES / 2],
    ['testAttributes, of what the SDK gave', 'testAttributes of the SDK', 1],
    ['testAttributes, in the middle of that', 'testAttributes of the SDK', SERIES / 2],
    ['a processor, of a metric', 'processMetric', 2],
    ['a processor, of a set', 'processAttributes', 1],
    ['a processor, in the middle of them', 'processAttributes', SERIES],
    ['the logger', 'the logger', 1],
    ['stats() of an adapter', 'stats', 1],
    ['persist() of an adapter', 'persist', 1],
    ['deliver() of an adapter', 'deliver', 1],
    ['the export() of an exporter', 'export', 1],
  ])('%s', async (_what, where, atCall) => {
    const { buffer, sdk, stderr } = await keptAfterTheEndIn(where, atCall)
    expect([buffer, sdk, stderr]).toEqual([SERIES, SERIES, expect.not.stringContaining('lost')])
  })

  test.each(['testAttributes of the SDK', 'processAttributes'])('%s loses nothing cumulative', async (where) => {
    const { buffer, sdk, stderr } = await keptAfterTheEndIn(where, SERIES / 2, 'CUMULATIVE')
    expect([buffer, sdk, stderr]).toEqual([SERIES, SERIES, expect.not.stringContaining('lost')])
  })

  test.each([
    ['a callback of an observable', 'a callback'],
    ['the collect() of a producer', 'a producer'],
  ])('%s loses nothing that was recorded into the buffer', async (_what, where) => {
    const { buffer, stderr } = await keptAfterTheEndIn(where)
    expect([buffer, stderr]).toEqual([SERIES, expect.not.stringContaining('lost')])
  })

  test.each<readonly [atCall: number, temporality: Temporality]>([
    [1, 'DELTA'],
    [SERIES, 'DELTA'],
    [2 * SERIES, 'DELTA'],
    [SERIES, 'CUMULATIVE'],
  ])(
    'an adapter, at series %i, loses what is left of its own, in words, and nothing else (%s)',
    async (atCall, temporality) => {
      const { buffer, sdk, stderr } = await keptAfterTheEndIn('absorb', atCall, temporality)
      expect([buffer, sdk]).toEqual([SERIES, SERIES])
      const left = 2 * SERIES - atCall + 1
      expect(stderr).toContain(`own ended the process at ${left} series of generation 1; they are lost to it`)
    },
  )

  test.each([1, SERIES / 2])(
    'a getter, of set %i that the SDK keeps, loses what is left of the SDK, in words, and nothing else',
    async (atSet) => {
      const { stderr, ...kept } = await keptAfterTheEndIn('a getter', atSet)
      expect(kept).toEqual({ buffer: SERIES, sdk: SERIES, getters: atSet - 1 })
      expect(stderr).toContain(`${SERIES - atSet + 1} points of kept_by_the_sdk could not be read and are dropped`)
    },
  )
})
