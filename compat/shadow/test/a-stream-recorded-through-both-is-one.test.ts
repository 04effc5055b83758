import { diag } from '@opentelemetry/api'
import { InstrumentType } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { type InstrumentSpec, type Program, programs, type Step, type Temporality } from '../src/program.ts'
import { Coverage, shadow } from '../src/shadow.ts'

/**
 * What one program records partly through a `MetricsBuffer` and partly through the MeterProvider of the same reader is
 * exported as if it had all been recorded in one place.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 200)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)

beforeAll(() => {
  diag.disable()
})

/** A gauge is what was recorded last, and which of the two that was is known to nobody. */
const KINDS = [InstrumentType.COUNTER, InstrumentType.UP_DOWN_COUNTER, InstrumentType.HISTOGRAM] as const

const NOT_COMPARED = /GAUGE|OBSERVABLE|COUNTER .*HISTOGRAM$|^HISTOGRAM SUM$/

/** Views belong to a provider or a buffer, so that two would be two streams. */
function recordable(program: Program): Program {
  return { ...program, views: [], instruments: program.instruments.map(summed), steps: program.steps.map(whole) }
}

function summed(spec: InstrumentSpec, index: number): InstrumentSpec {
  const isSummed = KINDS.some((kind) => kind === spec.kind)
  return isSummed ? spec : { ...spec, kind: KINDS[(spec.name.length + index) % KINDS.length]! }
}

/** Integers, whose sums do not depend on the order. */
function whole(step: Step): Step {
  if (step.do !== 'record') return step
  return { ...step, value: Number.isFinite(step.value) ? Math.trunc(step.value) : 7 }
}

const routes = fc.array(fc.constantFrom('through buffer' as const, 'through sdk' as const), {
  minLength: 1,
  maxLength: 20,
  size: 'max',
})

test.each<[Temporality, number]>([
  ['delta', SEED],
  ['cumulative', SEED + 1],
  ['lowMemory', SEED + 2],
])(
  `recorded through both, an exporter that asks for %s gets the same numbers (seed ${SEED}, ${RUNS} programs)`,
  { timeout: 600_000 },
  async (temporality, seed) => {
    const coverage = new Coverage()
    await fc.assert(
      fc.asyncProperty(programs(temporality).map(recordable), routes, (program, frontEnd) =>
        shadow(program, coverage, frontEnd),
      ),
      { numRuns: RUNS, seed },
    )
    expect(coverage.points).toBeGreaterThan(RUNS)
    expect(coverage.missing(NOT_COMPARED), 'kinds and types of point that were never met').toEqual([])
    console.log(`both, ${temporality}: seed ${SEED}, ${coverage.programs} programs, ${coverage.points} points compared`)
  },
)
