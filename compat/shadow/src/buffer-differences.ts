import type { Attributes } from '@opentelemetry/api'
import { AggregationType, DataPointType, InstrumentType, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { attributesOf, type Entries } from './attributes.ts'
import { canonical, type ExportedPoint } from './exported.ts'
import {
  type InstrumentSpec,
  isObserved,
  type Program,
  type ScopeSpec,
  type Step,
  type Temporality,
} from './program.ts'
import { type ViewSpec, viewOptions } from './views.ts'

/**
 * Where the buffer means to differ from the SDK, taken out of programs and exports that are compared. Each has a test of
 * its own in `the-buffer-differs-from-the-sdk-where-it-means-to.test.ts`.
 */
export function comparableWithBuffer(program: Program): Program {
  const views = withoutDoubles(
    program.views.map((view) => comparableView(view, program)),
    program,
  )
  return { ...program, views, steps: comparableSteps(program.steps, views) }
}

/** As {@link comparableWithBuffer}; the SDK binds nothing, and so knows no place within a limit that is taken by binding. */
export function comparableWithBound(program: Program): Program {
  const unlimited = program.views.map((view) => ({ ...view, aggregationCardinalityLimit: undefined }))
  return comparableWithBuffer({ ...program, views: unlimited })
}

/** DIFFERENCE: of a histogram over an observable the buffer counts each observation, the SDK their differences. */
export function isComparedWithBuffer({ kind, type }: ExportedPoint): boolean {
  return !(isObserved(kind) && (type === DataPointType.HISTOGRAM || type === DataPointType.EXPONENTIAL_HISTOGRAM))
}

/** Those combinations that {@link isComparedWithBuffer} leaves out. */
export const NOT_COMPARED_WITH_BUFFER = /^OBSERVABLE.* (EXPONENTIAL_)?HISTOGRAM$/

/** DIFFERENCE: with a limit of n the buffer keeps n attribute sets and the overflow series, the SDK n - 1 and that. */
export function viewWithRoomForOverflow(spec: ViewSpec): ViewOptions {
  const { aggregationCardinalityLimit: limit } = spec
  return viewOptions({ ...spec, aggregationCardinalityLimit: limit === undefined ? undefined : limit + 1 })
}

/** DIFFERENCE: an instrument to which two views give one stream is recorded once; with the SDK, twice. */
function withoutDoubles(views: readonly ViewSpec[], { instruments, scopes }: Program): ViewSpec[] {
  const streams = instruments.map(() => new Set<string>())
  return views.filter((view) => {
    const selected = instruments.flatMap((spec, i) =>
      selects(view, spec, scopes) ? [{ names: streams[i]!, name: view.name ?? spec.name }] : [],
    )
    if (selected.some(({ names, name }) => names.has(name))) return false
    for (const { names, name } of selected) names.add(name)
    return true
  })
}

function comparableView(view: ViewSpec, program: Program): ViewSpec {
  const { temporality, instruments, scopes, attributeSets } = program
  const { aggregation, attributes, aggregationCardinalityLimit: limit } = view
  const mayObserveSums = instruments.some((spec) => isObserved(spec.kind) && selects(view, spec, scopes))
  return {
    ...view,
    // DIFFERENCE: observations of a sum that a view makes equal are added up; the SDK keeps the last.
    attributes:
      mayObserveSums &&
      (aggregation.type === AggregationType.DEFAULT || aggregation.type === AggregationType.SUM) &&
      makesEqual(view, attributeSets)
        ? undefined
        : attributes,
    // DIFFERENCE: what is cumulative is limited over its lifetime; the SDK limits what one collection brings.
    aggregationCardinalityLimit: isDelta(view.select.instrumentType, temporality) ? limit : undefined,
    // DIFFERENCE: a stream that is dropped does not drop what another instrument records under its name; with the SDK it does.
    name: aggregation.type === AggregationType.DROP ? undefined : view.name,
  }
}

/** DIFFERENCE: a limit of the buffer holds in each generation, so that a turn between two exports makes room for others. */
function comparableSteps(steps: readonly Step[], views: readonly ViewSpec[]): readonly Step[] {
  if (views.every(({ aggregationCardinalityLimit }) => aggregationCardinalityLimit === undefined)) return steps
  return steps.map((step) => (step.do === 'turn' ? { do: 'collect' } : step))
}

function isDelta(kind: InstrumentType | undefined, temporality: Temporality): boolean {
  if (temporality !== 'lowMemory') return temporality === 'delta'
  return kind === InstrumentType.COUNTER || kind === InstrumentType.HISTOGRAM
}

function makesEqual(view: ViewSpec, sets: readonly Entries[]): boolean {
  const filters = viewOptions(view).attributesProcessors ?? []
  const all = sets.map((list) => attributesOf(list, false))
  const distinct = (attributes: readonly Attributes[]): number => new Set(attributes.map(canonical)).size
  return filters.some((filter) => distinct(all.map((attributes) => filter.process(attributes))) < distinct(all))
}

/** As in `views.ts`: the selections that are generated there, and no others. */
function selects({ select }: ViewSpec, spec: InstrumentSpec, scopes: readonly ScopeSpec[]): boolean {
  const scope = scopes[spec.scope % scopes.length]!
  const { instrumentName, instrumentType, instrumentUnit, meterName, meterVersion, meterSchemaUrl } = select
  return (
    (instrumentName === undefined ||
      (instrumentName.endsWith('*')
        ? spec.name.startsWith(instrumentName.slice(0, -1))
        : spec.name === instrumentName)) &&
    (instrumentType === undefined || spec.kind === instrumentType) &&
    (instrumentUnit === undefined || spec.unit === instrumentUnit) &&
    (meterName === undefined || scope.name === meterName) &&
    // A meter without a version has that of ''; one without a schema URL is selected by any.
    (meterVersion === undefined || (scope.version ?? '') === meterVersion) &&
    (meterSchemaUrl === undefined || scope.schemaUrl === undefined || scope.schemaUrl === meterSchemaUrl)
  )
}
