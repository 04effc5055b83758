import { diag } from '@opentelemetry/api'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { isIngested, isIngestedOrRejected, missing, recordedBy, violationsOf } from './account.ts'
import { type Program, steadyProgram, tooLargeProgram, wildProgram } from './program.ts'
import { type Run, runOurs, runStock } from './run-program.ts'
import { conditionsOf, timelineOf } from './timeline.ts'

/**
 * The law of dominance: whatever the receiver, the exporter, the clock and the shutdown do, ours delivers at least what the
 * SDK's `PeriodicExportingMetricReader` delivers under the same program, and each of its calls ends by its deadline.
 *
 * A failure says how to run that one program again: SLUICE_SEED, SLUICE_PATH (for a wild program its number, too) and
 * SLUICE_PROGRAMS, which are `steady`, `too-large` or `wild`. SLUICE_ONLY names the one violation to look for: loss, counts,
 * windows or deadlines.
 */
const RUNS = Number(process.env.SLUICE_RUNS ?? 300)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
const PATH = process.env.SLUICE_PATH
const parameters = { numRuns: PATH === undefined ? RUNS : 1, seed: SEED, ...(PATH !== undefined && { path: PATH }) }
const ONLY = process.env.SLUICE_ONLY
const timeout = 30_000 + 100 * RUNS
const WORST = 10
const PROGRESS_MILLIS = 10_000

/** The share of programs whose messages are too large: there is little that differs in them. */
const TOO_LARGE_SHARE = 0.1

type Kind = 'steady' | 'too-large' | 'wild'
/** Programs of one kind, where SLUICE_PROGRAMS asks for no other; it says so where it does. */
function law(kind: Kind, name: string, body: () => Promise<void>): void {
  const { SLUICE_PROGRAMS: wanted = kind } = process.env
  if (wanted === kind) test(name, { timeout }, body)
  else console.log(`dominance: left out: "${name}": SLUICE_PROGRAMS=${wanted}`)
}
const replay = (kind: Kind, path: string): string =>
  `SLUICE_SEED=${SEED} SLUICE_PATH=${path} SLUICE_PROGRAMS=${kind} npm run test:dominance`

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
  killed = 0
  readonly #kind: Kind
  readonly #startedMillis = performance.now()
  #printedMillis = performance.now()

  constructor(kind: Kind) {
    this.#kind = kind
  }

  add({ lostByStock, lostByOurs, rejected, ours }: Comparison): void {
    this.programs++
    if (ours.killedMillis !== undefined) this.killed++
    this.exports += ours.calls.length
    this.lostByStock += lostByStock
    this.lostByOurs += lostByOurs
    this.rejected += rejected
    if (performance.now() - this.#printedMillis >= PROGRESS_MILLIS) this.print('so far ')
  }

  print(when = ''): void {
    this.#printedMillis = performance.now()
    const millis = (this.#printedMillis - this.#startedMillis) / this.programs
    const killed = this.killed > 0 ? ` (${this.killed} killed)` : ''
    const programs = `${this.programs} ${this.#kind} programs${killed}`
    console.log(
      `dominance: seed ${SEED}, ${when}${programs}, ${this.exports} exports of ours, ${millis.toFixed(1)} ms each; ` +
        `the stock reader lost ${this.lostByStock}, ours ${this.lostByOurs} and ${this.rejected} that were rejected`,
    )
  }
}

/** Runs programs until one is at fault, which is shrunk. */
async function hold(
  kind: Kind,
  programs: fc.Arbitrary<Program>,
  check: (comparison: Comparison) => Promise<void> | void,
  totals: Totals,
): Promise<void> {
  const property = fc.asyncProperty(programs, async (program) => {
    const comparison = await compare(program)
    totals.add(comparison)
    await check(comparison)
  })
  const share = kind === 'too-large' ? TOO_LARGE_SHARE : 1
  const found = await fc.check(property, { ...parameters, numRuns: Math.ceil(parameters.numRuns * share) })
  totals.print()
  if (!found.failed) return
  console.log(`dominance: to run what failed again: ${replay(kind, found.counterexamplePath ?? '0')}`)
  throw found.errorInstance ?? new Error(fc.defaultReportMessage(found))
}

const steadyName = `each steady program loses no more with ours (seed ${SEED}, ${RUNS} programs)`
law('steady', steadyName, async () => {
  const verdict = new Verdict()
  const check = (comparison: Comparison) => {
    const violations = violationsOf(comparison.program, comparison.ours, comparison.stock)
    const isMoreLost = comparison.lostByOurs > comparison.lostByStock
    // The stock reader exports once more for a flush or a second shutdown that comes while it shuts down; ours is ending then.
    const endsTwice = comparison.program.lateSteps.some((late) => late.do !== 'record')
    if (isMoreLost && !endsTwice) violations.set('loss', ['ours lost more than the stock reader'])
    verdict.on(comparison, violations)
  }
  await hold('steady', steadyProgram, check, new Totals('steady'))
})

const tooLargeName = `nothing is lost by messages that are too large for the receiver (seed ${SEED})`
law('too-large', tooLargeName, async () => {
  const totals = new Totals('too-large')
  const verdict = new Verdict()
  const check = (comparison: Comparison) => {
    const { program, ours, stock, lostByOurs, rejected } = comparison
    const violations = violationsOf(program, ours, stock)
    if (lostByOurs + rejected > 0)
      violations.set('loss', ['the receiver would have taken all of it in smaller messages'])
    verdict.on(comparison, violations)
  }
  await hold('too-large', tooLargeProgram, check, totals)
  // Else no message was too large.
  if (PATH === undefined) expect(totals.lostByStock).toBeGreaterThan(0)
})

const wildName = `all wild programs together lose no more with ours (seed ${SEED}, ${RUNS} programs)`
law('wild', wildName, async () => {
  const totals = new Totals('wild')
  const verdict = new Verdict()
  let worst: { readonly path: string; readonly excess: number; readonly comparison: Comparison }[] = []
  const check = (comparison: Comparison) => {
    const path = PATH ?? String(totals.programs - 1)
    verdict.on(comparison, violationsOf(comparison.program, comparison.ours, comparison.stock))
    const excess = comparison.lostByOurs - comparison.lostByStock
    if (excess <= 0) return
    worst = [...worst, { path, excess, comparison }].sort((a, b) => b.excess - a.excess).slice(0, WORST)
  }
  await hold('wild', wildProgram, check, totals)
  for (const { path, comparison } of worst) {
    const what = PATH === undefined ? figuresOf(comparison) : inWords(comparison)
    console.log(`dominance: ${replay('wild', path)}: ${what}`)
  }
  if (PATH === undefined) expect(totals.lostByOurs).toBeLessThanOrEqual(totals.lostByStock)
})
