import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { examples } from '../src/examples.ts'
import { programs, type Temporality } from '../src/program.ts'
import { Coverage, shadow } from '../src/shadow.ts'

/**
 * Whatever a program does, our reader exports what the SDK's own reader exports for it on the same MeterProvider, apart
 * from the differences that have a test of their own in this folder.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 200)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

beforeAll(() => {
  diag.disable()
})

// Seeds of their own, or all three would run the same programs.
test.each<[Temporality, number]>([
  ['delta', SEED],
  ['cumulative', SEED + 1],
  ['lowMemory', SEED + 2],
])(
  `an exporter that asks for %s gets the same numbers (seed ${SEED}, ${RUNS} programs)`,
  { timeout: 600_000 },
  async (temporality, seed) => {
    const coverage = new Coverage()
    await fc.assert(
      fc.asyncProperty(programs(temporality), (program) => shadow(program, coverage)),
      { numRuns: RUNS, seed, examples: examples(temporality) },
    )
    expect(coverage.points).toBeGreaterThan(RUNS)
    expect(coverage.missing(), 'kinds and types of point that were never met').toEqual([])
    console.log(
      `shadow, ${temporality}: seed ${SEED}, ${coverage.programs} programs, ${coverage.points} points compared`,
    )
  },
)
