import { AggregationTemporality, DataPointType, InstrumentType } from '@opentelemetry/sdk-metrics'
import { isComparedWithBuffer } from './buffer-differences.ts'
import { differences, scaleDifferences } from './compare.ts'
import { canonical, type ExportedPoint } from './exported.ts'
import type { FrontEnd } from './front-end.ts'
import type { Program } from './program.ts'
import { TimeLaws } from './time-laws.ts'
import { type Flushed, isExpectedOfOurs, World } from './world.ts'

/** What has been compared, so that a test cannot pass by comparing nothing. */
export class Coverage {
  programs = 0
  points = 0
  readonly combinations = new Map<string, number>()

  count(points: readonly ExportedPoint[]): void {
    this.points += points.length
    for (const { kind, type, temporality } of points) {
      const combination = `${kind} ${DataPointType[type]} ${AggregationTemporality[temporality]}`
      this.combinations.set(combination, (this.combinations.get(combination) ?? 0) + 1)
    }
  }

  /**
   * The combinations of instrument kind and point type that were not met.
   *
   * @param notCompared those that are not to be met, by their text
   */
  missing(notCompared = NOT_COMPARED): string[] {
    const met = new Set([...this.combinations.keys()].map((combination) => combination.split(' ', 2).join(' ')))
    return Object.values(InstrumentType)
      .flatMap((kind) => POINT_TYPES.map((type) => `${kind} ${type}`))
      .filter((combination) => !met.has(combination) && !notCompared.test(combination))
  }
}

const POINT_TYPES = ['SUM', 'GAUGE', 'HISTOGRAM', 'EXPONENTIAL_HISTOGRAM']
// See `views.ts` for why.
const NOT_COMPARED = /^OBSERVABLE.* EXPONENTIAL_HISTOGRAM$/

/**
 * Runs a program with both readers.
 *
 * @param frontEnd what our reader is fed through; by default, the MeterProvider that the SDK's reader is in
 * @throws Error that lists how what they export differs
 */
export async function shadow(program: Program, coverage: Coverage, frontEnd: FrontEnd = 'sdk'): Promise<void> {
  const world = new World(program, frontEnd)
  const isCompared = frontEnd === 'sdk' ? () => true : isComparedWithBuffer
  const laws = new TimeLaws()
  let isOneTurn = true
  const check = (flushed: Flushed, when: string): void => {
    const { stock, recorded } = flushed
    const ours = flushed.ours.filter(isCompared)
    const recordedKeys = new Set(recorded.map(({ key }) => key))
    const expected = stock.filter((point) => isCompared(point) && isExpectedOfOurs(point, recordedKeys))
    const found = [...differences(ours, expected, world.magnitude), ...laws.violations(flushed.ours, isOneTurn)]
    if (frontEnd !== 'sdk') {
      // The SDK hands a delta out as it was recorded, unless another reader collects in between.
      const isDelta = ({ temporality }: ExportedPoint): boolean => temporality === AggregationTemporality.DELTA
      found.push(...scaleDifferences(ours.filter(isDelta), expected.filter(isDelta)))
    }
    if (found.length > 0) throw new Error(`${when}:\n${found.slice(0, 8).join('\n')}`)
    isOneTurn = true
    coverage.count(ours)
  }
  try {
    for (const [i, step] of program.steps.entries()) {
      const flushed = await world.take(step)
      if (flushed !== undefined) check(flushed, `after step ${i}`)
      else if (step.do !== 'record') isOneTurn = false
    }
    check(await world.flush(), 'at the end')
    const { ours, stock } = world.resources()
    if (canonical(ours.map(attributesOf)) !== canonical(stock.map(attributesOf)))
      throw new Error('the resources differ')
    coverage.programs++
  } finally {
    await world.end()
  }
}

function attributesOf(resource: unknown): unknown {
  return (resource as { attributes: unknown }).attributes
}
