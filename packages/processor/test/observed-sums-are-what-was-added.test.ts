import { AggregationTemporality, createAllowListAttributesProcessor } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { bufferedPipeline, OVERFLOW, sumOf } from './support/buffered-pipeline.ts'
import { diagLog } from './support/diag-log.ts'

beforeEach(() => {
  diagLog()
})

/** How many others, in limits, may be observed before a set may be forgotten. */
const REMEMBERED_PER_LIMIT = 5

/** What becomes of one set before it is observed: its sum goes by `by`, or begins anew there. */
interface Change {
  readonly id: number
  readonly by: number
  readonly isReset: boolean
}

/** The sets observed in each turn, in this order. What is not among them keeps its sum. */
const turnsOf = (ids: number, least: number) =>
  fc.array(
    fc.uniqueArray(
      fc.record({
        id: fc.nat(ids - 1),
        by: fc.integer({ min: least, max: 9 }),
        isReset: fc.boolean().map((odd) => odd && least === 0),
      }),
      { selector: ({ id }) => id, maxLength: 30, size: 'max' },
    ),
    { minLength: 1, maxLength: 20, size: 'max' },
  )

const limits = fc.integer({ min: 2, max: 6 })
const callbackCounts = fc.integer({ min: 1, max: 3 })
const KINDS = [
  ['createObservableCounter', 0],
  ['createObservableUpDownCounter', -9],
] as const

/** What the specification says each observation adds, with a plain map for a memory. */
class Oracle {
  readonly #isMonotonic: boolean
  readonly #last = new Map<number, { value: number; turn: number }>()
  #turn = 0

  constructor(isMonotonic: boolean) {
    this.#isMonotonic = isMonotonic
  }

  sumAfter({ id, by, isReset }: Change): number {
    return isReset ? by : (this.#last.get(id)?.value ?? 0) + by
  }

  /** For each set that is observed in a turn: what it adds, and how many others were observed since it was. */
  observe(changes: readonly Change[]): Map<number, { added: number; others: number; value: number }> {
    this.#turn++
    const before = new Map(this.#last)
    const values = changes.map((change) => ({ id: change.id, value: this.sumAfter(change) }))
    for (const { id, value } of values) this.#last.set(id, { value, turn: this.#turn })
    return new Map(
      values.map(({ id, value }) => {
        const last = before.get(id) ?? { value: 0, turn: Number.POSITIVE_INFINITY }
        const hasFallen = this.#isMonotonic && value < last.value
        const others = [...this.#last].filter(([other, { turn }]) => other !== id && turn > last.turn).length
        return [id, { added: hasFallen ? value : value - last.value, others, value }]
      }),
    )
  }
}

/** A pipeline whose callbacks, each with sets of its own, observe what they are given next. */
function observing(
  create: (typeof KINDS)[number][0],
  callbacks: number,
  options: Parameters<typeof bufferedPipeline>[0],
  temporality?: AggregationTemporality,
) {
  const pipeline = bufferedPipeline(options, {}, temporality)
  const oracle = new Oracle(create === 'createObservableCounter')
  const observable = pipeline.meter[create]('sum')
  let next: readonly { id: number; value: number }[] = []
  for (let which = 0; which < callbacks; which++) {
    observable.addCallback((result) => {
      for (const { id, value } of next) if (id % callbacks === which) result.observe(value, { id, parity: id % 2 })
    })
  }
  return {
    ...pipeline,
    async turnWith(changes: readonly Change[]) {
      const expected = oracle.observe(changes)
      next = [...expected].map(([id, { value }]) => ({ id, value }))
      return { expected, points: await pipeline.turn() }
    },
  }
}

const isOverflow = ({ attributes }: { attributes: unknown }) => JSON.stringify(attributes) === JSON.stringify(OVERFLOW)
const idOf = ({ attributes }: { attributes: unknown }) => (attributes as { id: number }).id

describe.each(KINDS)('%s, as delta', (create, least) => {
  test('adds what each set has grown by, or nothing where it came back after too many others; never all again', async () => {
    await fc.assert(
      fc.asyncProperty(limits, callbackCounts, turnsOf(120, least), async (limit, callbacks, turns) => {
        const { turnWith } = observing(create, callbacks, { cardinalityLimits: { default: limit } })
        for (const changes of turns) {
          const { expected, points } = await turnWith(changes)
          const mayBeForgotten = ({ others }: { others: number }) => others >= REMEMBERED_PER_LIMIT * limit
          const own = points.filter((point) => !isOverflow(point))
          for (const point of own) {
            const set = expected.get(idOf(point))!
            expect(mayBeForgotten(set) ? [set.added, 0] : [set.added]).toContain(point.value)
            expected.delete(idOf(point))
          }
          expect(own).toHaveLength(Math.min(limit, changes.length))
          const beyond = [...expected.values()]
          const sureSum = beyond.filter((set) => !mayBeForgotten(set)).reduce((sum, { added }) => sum + added, 0)
          const unsure = beyond.filter(mayBeForgotten).map(({ added }) => added)
          const overflow = sumOf(points.filter(isOverflow)) - sureSum
          expect(overflow).toBeGreaterThanOrEqual(unsure.reduce((sum, added) => sum + Math.min(0, added), 0))
          expect(overflow).toBeLessThanOrEqual(unsure.reduce((sum, added) => sum + Math.max(0, added), 0))
        }
      }),
      { numRuns: 150 },
    )
  })

  test.each([
    ['everything', []],
    ['all but one of two', ['parity']],
  ])('adds up exactly what sets have grown by that a view makes equal by dropping %s', async (_what, kept) => {
    await fc.assert(
      fc.asyncProperty(limits, callbackCounts, turnsOf(10, least), async (limit, callbacks, turns) => {
        const { turnWith } = observing(create, callbacks, {
          cardinalityLimits: { default: limit },
          views: [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor([...kept])] }],
        })
        for (const changes of turns) {
          const { expected, points } = await turnWith(changes)
          const sums = new Map<unknown, number>()
          for (const [id, { added }] of expected) {
            const parity = kept.length > 0 ? id % 2 : undefined
            sums.set(parity, (sums.get(parity) ?? 0) + added)
          }
          expect(new Map(points.map(({ attributes, value }) => [attributes.parity, value]))).toEqual(sums)
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe.each(KINDS)('%s, as cumulative', (create, least) => {
  test('shows what was observed, and beyond the limit all that the others have grown by', async () => {
    await fc.assert(
      fc.asyncProperty(limits, callbackCounts, turnsOf(10, least), async (limit, callbacks, turns) => {
        const { adapter, turnWith } = observing(
          create,
          callbacks,
          { cardinalityLimits: { default: limit } },
          AggregationTemporality.CUMULATIVE,
        )
        const withSeries = new Set<number>()
        let beyond = 0
        for (const changes of turns) {
          const { expected } = await turnWith(changes)
          const shown = await adapter.cumulative('sum')
          const own = shown.filter((point) => !isOverflow(point))
          for (const id of own.map(idOf)) withSeries.add(id)
          const stillObserved = [...expected.keys()].filter((id) => withSeries.has(id))
          expect(new Map(own.map((point) => [idOf(point), point.value]))).toEqual(
            new Map(stillObserved.map((id) => [id, expected.get(id)!.value])),
          )
          expect(withSeries.size).toBeLessThanOrEqual(limit)
          const others = [...expected].filter(([id]) => !withSeries.has(id))
          beyond += others.reduce((sum, [, { added }]) => sum + added, 0)
          expect(shown.filter(isOverflow).map(({ value }) => value)).toEqual(others.length > 0 ? [beyond] : [])
        }
      }),
      { numRuns: 150 },
    )
  })
})
