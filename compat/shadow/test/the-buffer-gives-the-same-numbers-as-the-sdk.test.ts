import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { comparableWithBound, comparableWithBuffer, NOT_COMPARED_WITH_BUFFER } from '../src/buffer-differences.ts'
import { examples } from '../src/examples.ts'
import type { FrontEnd } from '../src/front-end.ts'
import { programs, type Temporality } from '../src/program.ts'
import { Coverage, shadow } from '../src/shadow.ts'

/**
 * Whatever a program does, what it records through a `MetricsBuffer` is exported as what the SDK's own reader exports of
 * the same measurements on a MeterProvider, apart from the differences that `buffer-differences.ts` names.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 200)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

beforeAll(() => {
  diag.disable()
})

// Seeds of their own, or all would run the same programs.
test.each<[FrontEnd & string, Temporality, number]>([
  ['buffer', 'delta', SEED],
  ['buffer', 'cumulative', SEED + 1],
  ['buffer', 'lowMemory', SEED + 2],
  ['bound buffer', 'delta', SEED + 3],
  ['bound buffer', 'cumulative', SEED + 4],
  ['bound buffer', 'lowMemory', SEED + 5],
])(
  `through the %s, an exporter that asks for %s gets the same numbers (seed ${SEED}, ${RUNS} programs)`,
  { timeout: 600_000 },
  async (frontEnd, temporality, seed) => {
    const comparable = frontEnd === 'buffer' ? comparableWithBuffer : comparableWithBound
    const coverage = new Coverage()
    await fc.assert(
      fc.asyncProperty(programs(temporality).map(comparable), (program) => shadow(program, coverage, frontEnd)),
      { numRuns: RUNS, seed, examples: examples(temporality) },
    )
    expect(coverage.points).toBeGreaterThan(RUNS)
    expect(coverage.missing(NOT_COMPARED_WITH_BUFFER), 'kinds and types of point that were never met').toEqual([])
    console.log(
      `${frontEnd}, ${temporality}: seed ${SEED}, ${coverage.programs} programs, ${coverage.points} points compared`,
    )
  },
)
