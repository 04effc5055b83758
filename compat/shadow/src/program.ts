import { InstrumentType } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { attributeSets, type Entries } from './attributes.ts'
import { type ViewSpec, view } from './views.ts'

/**
 * A random program: which readers, views, meters and instruments there are, and what is done with them in which order.
 *
 * It is plain data, so that a counterexample can be read and typed in again.
 */
export interface Program {
  readonly temporality: Temporality
  readonly histograms: 'explicit' | 'exponential'
  readonly maxExportBatchSize: number
  readonly flushedFirst: 'ours' | 'stock'
  readonly observing: Observing
  readonly views: readonly ViewSpec[]
  readonly scopes: readonly ScopeSpec[]
  readonly instruments: readonly InstrumentSpec[]
  readonly attributeSets: readonly Entries[]
  readonly steps: readonly Step[]
}

/** `lowMemory`: delta, but cumulative for what goes up and down and for observable counters. */
export type Temporality = 'delta' | 'cumulative' | 'lowMemory'

/**
 * The SDK runs every callback once for each reader that collects, and hands what is observed to all readers.
 *
 * - `each`: every run observes the same, which is every series there has been.
 * - `once`: only the first run at a flush point observes anything, so that each reader is handed it once and series can
 *   vanish without a trace of them in the next collection.
 */
export type Observing = 'each' | 'once'

export interface ScopeSpec {
  readonly name: string
  readonly version: string | undefined
  readonly schemaUrl: string | undefined
}

export interface InstrumentSpec {
  readonly kind: InstrumentType
  readonly name: string
  readonly unit: string
  readonly isInteger: boolean
  readonly boundaries: readonly number[] | undefined
  readonly scope: number
  /** How it is observed, if it is. */
  readonly callback: 'plain' | 'async' | 'batch'
  /** Whether a series once observed is observed for ever; else it vanishes when nothing new was recorded for it. */
  readonly isSticky: boolean
}

export type Step =
  | {
      readonly do: 'record'
      readonly instrument: number
      readonly attributes: number
      readonly reversed: boolean
      readonly value: number
    }
  /** A flush point of both readers. */
  | { readonly do: 'flush' }
  /** Of our reader alone; must change nothing: a turn without an export, a collection by hand. */
  | { readonly do: 'turn' | 'collect' }

const KINDS: readonly InstrumentType[] = Object.values(InstrumentType)

export function isObserved(kind: InstrumentType): boolean {
  return (
    kind === InstrumentType.OBSERVABLE_COUNTER ||
    kind === InstrumentType.OBSERVABLE_GAUGE ||
    kind === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER
  )
}

/** Up to three meters, most often with only one thing to tell them apart. */
const scopes: fc.Arbitrary<ScopeSpec[]> = fc
  .record({
    first: fc.record({
      name: fc.constantFrom('app', 'app.db'),
      version: fc.constantFrom(undefined, '1'),
      schemaUrl: fc.constantFrom(undefined, 'https://example.org/1'),
    }),
    changes: fc.subarray([{ name: 'other' }, { version: '2' }, { schemaUrl: 'https://example.org/2' }], {
      maxLength: 2,
    }),
  })
  .map(({ first, changes }) => [first, ...changes.map((change) => ({ ...first, ...change }))])

const instrument: fc.Arbitrary<InstrumentSpec> = fc.record({
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom('requests', 'Requests', 'latency', 'load'),
  unit: fc.constantFrom('', 'ms'),
  isInteger: fc.boolean(),
  boundaries: fc.constantFrom(undefined, [0, 10, 100], []),
  scope: fc.nat({ max: 2 }),
  callback: fc.constantFrom('plain', 'async', 'batch'),
  isSticky: fc.boolean(),
})

/** Instruments, each with another one that differs from it in one thing. */
const instruments: fc.Arbitrary<InstrumentSpec[]> = fc
  .array(fc.record({ spec: instrument, twin: fc.constantFrom('scope', 'unit', 'isInteger', 'kind', 'none') }), {
    minLength: 1,
    maxLength: 4,
    size: 'max',
  })
  .map((pairs) => pairs.flatMap(({ spec, twin }) => (twin === 'none' ? [spec] : [spec, twinOf(spec, twin)])))

function twinOf(spec: InstrumentSpec, differsIn: 'scope' | 'unit' | 'isInteger' | 'kind'): InstrumentSpec {
  switch (differsIn) {
    case 'scope':
      return { ...spec, scope: spec.scope + 1 }
    case 'unit':
      return { ...spec, unit: `${spec.unit}s` }
    case 'isInteger':
      return { ...spec, isInteger: !spec.isInteger }
    case 'kind':
      return { ...spec, kind: KINDS[(KINDS.indexOf(spec.kind) + 1) % KINDS.length]! }
  }
}

const value: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -20, max: 200 }) },
  { weight: 4, arbitrary: fc.double({ min: -1000, max: 1000, noNaN: true }) },
  // Far apart, for the scales of exponential histograms.
  { weight: 2, arbitrary: fc.integer({ min: -300, max: 6 }).map((exponent) => 10 ** exponent) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, Number.MIN_VALUE, Number.NaN, Infinity, -Infinity) },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('record'),
      instrument: fc.nat({ max: 7 }),
      attributes: fc.nat({ max: 9 }),
      reversed: fc.boolean(),
      value,
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'flush' } as const) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('turn', 'collect') }) },
)

/** All programs for exporters of one temporality. */
export function programs(temporality: Temporality): fc.Arbitrary<Program> {
  return fc
    .record({
      temporality: fc.constant(temporality),
      histograms: fc.constantFrom('explicit', 'exponential'),
      maxExportBatchSize: fc.constantFrom(3, 8192),
      flushedFirst: fc.constantFrom('ours', 'stock'),
      observing: fc.constantFrom('each', 'once'),
      views: fc.array(view, { maxLength: 4 }),
      scopes,
      instruments,
      attributeSets,
      // By default fast-check keeps arrays short, and nearly every program would export nothing twice.
      steps: fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
    })
    .map((program) => ({ ...program, instruments: withoutRivals(program.instruments, program.scopes.length) }))
}

/**
 * Leaves out observable instruments of one identity: they would share a sum that falls whenever the second one is behind
 * the first.
 */
function withoutRivals(instruments: readonly InstrumentSpec[], scopeCount: number): InstrumentSpec[] {
  const seen = new Set<string>()
  return instruments.filter(({ kind, name, unit, isInteger, scope }) => {
    const identity = [kind, name, unit, isInteger, scope % scopeCount].join()
    if (isObserved(kind) && seen.has(identity)) return false
    seen.add(identity)
    return true
  })
}
