import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { isIngested, isIngestedOrRejected, missing, recordedBy, violationsOf } from './account.ts'
import { type Program, steadyProgram, wildProgram } from './program.ts'
import { type Run, runOurs, runStock } from './run-program.ts'
import { conditionsOf, timelineOf } from './timeline.ts'

/**
 * The law of dominance: whatever the receiver, the exporter, the clock and the shutdown do, ours delivers at least what the
 * SDK's `PeriodicExportingMetricReader` delivers under the same program, and each of its calls ends by its deadline.
 *
 * With SLUICE_PATH of a failure, or the number of a wild program, and its SLUICE_SEED, only that one is run. SLUICE_ONLY names the
 * one violation to look for: loss, counts, windows or deadlines.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 300)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
const PATH = process.env.SLUICE_PATH
const parameters = { numRuns: PATH === undefined ? RUNS : 1, seed: SEED, ...(PATH !== undefined && { path: PATH }) }
const ONLY = process.env.SLUICE_ONLY
const timeout = 30_000 + 100 * RUNS
const WORST = 10

beforeEach(() => diag.disable())

interface Comparison {
  readonly program: Program
  readonly ours: Run
  readonly stock: Run
  readonly lostByStock: number
  /** But for what the receiver refused for good. */
  readonly lostByOurs: number
  readonly rejected: number
}

async function compare(program: Program): Promise<Comparison> {
  const stock = await runStock(program)
  const ours = await runOurs(program)
  const recorded = recordedBy(program)
  const lostByOurs = missing(recorded, ours, isIngestedOrRejected)
  return {
    program,
    ours,
    stock,
    lostByStock: missing(recorded, stock, isIngested),
    lostByOurs,
    rejected: missing(recorded, ours, isIngested) - lostByOurs,
  }
}

function figuresOf({ lostByStock, lostByOurs, rejected }: Comparison): string {
  return `the stock reader lost ${lostByStock}, ours ${lostByOurs} and ${rejected} that were rejected`
}

function inWords(comparison: Comparison): string {
  const { program, stock, ours } = comparison
  const runs = [timelineOf('stock', program, stock), timelineOf('ours', program, ours)]
  return [figuresOf(comparison), conditionsOf(program), ...runs].join('\n')
}

/** Throws what a program violates. What is shrunk must not turn into another fault: it keeps the kind of the first one. */
class Verdict {
  #kind = ONLY

  on(comparison: Comparison, violations: ReadonlyMap<string, readonly string[]>): void {
    const [kind, texts] = [...violations].find(([each]) => this.#kind === undefined || each === this.#kind) ?? []
    if (texts === undefined) return
    this.#kind = kind
    throw new Error([`${kind}: ${texts.join('; ')}`, inWords(comparison)].join('\n'))
  }
}

class Totals {
  programs = 0
  exports = 0
  lostByStock = 0
  lostByOurs = 0
  rejected = 0
  readonly #startedMillis = performance.now()

  add({ lostByStock, lostByOurs, rejected, ours }: Comparison): void {
    this.programs++
    this.exports += ours.calls.length
    this.lostByStock += lostByStock
    this.lostByOurs += lostByOurs
    this.rejected += rejected
  }

  print(name: string): void {
    const millis = (performance.now() - this.#startedMillis) / this.programs
    console.log(
      `dominance: seed ${SEED}, ${this.programs} ${name} programs, ${this.exports} exports of ours, ${millis.toFixed(1)} ms each; ` +
        `the stock reader lost ${this.lostByStock}, ours ${this.lostByOurs} and ${this.rejected} that were rejected`,
    )
  }
}

test(`each steady program loses no more with ours (seed ${SEED}, ${RUNS} programs)`, { timeout }, async () => {
  const totals = new Totals()
  const verdict = new Verdict()
  await fc
    .assert(
      fc.asyncProperty(steadyProgram, async (program) => {
        const comparison = await compare(program)
        totals.add(comparison)
        const violations = violationsOf(program, comparison.ours, comparison.stock)
        const isMoreLost = comparison.lostByOurs > comparison.lostByStock
        if (isMoreLost) violations.set('loss', ['ours lost more than the stock reader'])
        verdict.on(comparison, violations)
      }),
      parameters,
    )
    .finally(() => totals.print('steady'))
})

test(`all wild programs together lose no more with ours (seed ${SEED}, ${RUNS} programs)`, { timeout }, async () => {
  const totals = new Totals()
  const verdict = new Verdict()
  let worst: { readonly path: string; readonly excess: number; readonly comparison: Comparison }[] = []
  await fc
    .assert(
      fc.asyncProperty(wildProgram, async (program) => {
        const comparison = await compare(program)
        const path = PATH ?? String(totals.programs)
        totals.add(comparison)
        verdict.on(comparison, violationsOf(program, comparison.ours, comparison.stock))
        const excess = comparison.lostByOurs - comparison.lostByStock
        if (excess <= 0) return
        worst = [...worst, { path, excess, comparison }].sort((a, b) => b.excess - a.excess).slice(0, WORST)
      }),
      parameters,
    )
    .finally(() => totals.print('wild'))
  for (const { path, comparison } of worst) {
    const what = PATH === undefined ? figuresOf(comparison) : inWords(comparison)
    console.log(`dominance: SLUICE_SEED=${SEED} SLUICE_PATH=${path}: ${what}`)
  }
  if (PATH === undefined) expect(totals.lostByOurs).toBeLessThanOrEqual(totals.lostByStock)
})
