import { type IAttributesProcessor, InstrumentType, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { describe } from '../core/describe.ts'
import type { InstrumentationScope } from '../series/stream.ts'
import type { InstrumentDescriptor } from './instrument-descriptor.ts'
import { type RequestedAggregation, requestAggregation } from './stream-aggregation.ts'

/** One view (OTel spec, metrics SDK, "View"): which instruments it selects, and what it makes of them. */
export interface View {
  /** What names it in messages. */
  readonly label: string
  readonly aggregation: RequestedAggregation
  readonly attributesProcessors: readonly IAttributesProcessor[]
  readonly cardinalityLimit: number | undefined
  /** Whether it applies to an instrument of this scope: all criteria that it has must be met. */
  selects(instrument: InstrumentDescriptor, scope: InstrumentationScope): boolean
  /** The instrument under the name and with the description that the view gives it. */
  describe(instrument: InstrumentDescriptor): InstrumentDescriptor
}

const CRITERIA = [
  'instrumentName',
  'instrumentType',
  'instrumentUnit',
  'meterName',
  'meterVersion',
  'meterSchemaUrl',
] as const

const TEXTS = [
  'name',
  'description',
  'instrumentName',
  'instrumentUnit',
  'meterName',
  'meterVersion',
  'meterSchemaUrl',
] as const

/**
 * Checks a view and makes it ready to select.
 *
 * @param label what names it in errors
 * @throws TypeError or RangeError that names the option and the value
 */
export function createView(options: ViewOptions, label: string): View {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${label} must be an object with selection criteria, got ${describe(options)}`)
  }
  checkSelection(options, label)
  checkLimit(options.aggregationCardinalityLimit, label)
  const { name, description, instrumentType, instrumentUnit, meterName, meterVersion, meterSchemaUrl } = options
  const { instrumentName } = options
  return {
    label,
    aggregation:
      options.aggregation == null
        ? { type: 'default' }
        : requestAggregation(options.aggregation, `${label}.aggregation`),
    attributesProcessors: checkProcessors(options.attributesProcessors, label),
    cardinalityLimit: options.aggregationCardinalityLimit,
    // As the SDK does, a scope without a version or schema URL meets every criterion for it; one of '' only that.
    selects: (instrument, scope) =>
      (instrumentType == null || instrument.type === instrumentType) &&
      (instrumentName == null || isLike(instrument.name, instrumentName)) &&
      (instrumentUnit == null || instrument.unit === instrumentUnit) &&
      (meterName == null || scope.name === meterName) &&
      (meterVersion == null || scope.version === undefined || scope.version === meterVersion) &&
      (meterSchemaUrl == null || scope.schemaUrl === undefined || scope.schemaUrl === meterSchemaUrl),
    describe: (instrument) => ({
      ...instrument,
      name: name ?? instrument.name,
      description: description ?? instrument.description,
    }),
  }
}

function checkSelection(options: ViewOptions, label: string): void {
  for (const option of TEXTS) {
    const text = options[option]
    if (text != null && typeof text !== 'string') {
      throw new TypeError(`${label}.${option} must be a string, got ${describe(text)}`)
    }
  }
  const { instrumentName, instrumentType, name } = options
  if (instrumentType != null && !Object.values(InstrumentType).includes(instrumentType)) {
    throw new RangeError(`${label}.instrumentType must be one of InstrumentType, got ${describe(instrumentType)}`)
  }
  if (CRITERIA.every((criterion) => options[criterion] == null)) {
    throw new TypeError(`${label} must have at least one of ${CRITERIA.join(', ')}, got ${describe(options)}`)
  }
  if (name != null && (instrumentName == null || /[*?]/.test(instrumentName))) {
    throw new RangeError(
      `${label}.name of ${describe(name)} needs an instrumentName without wildcards, or instruments would share it, ` +
        `got ${describe(instrumentName)}`,
    )
  }
}

function checkProcessors(
  processors: readonly IAttributesProcessor[] | undefined,
  label: string,
): readonly IAttributesProcessor[] {
  if (processors == null) return []
  if (!Array.isArray(processors)) {
    throw new TypeError(`${label}.attributesProcessors must be an array, got ${describe(processors)}`)
  }
  processors.forEach((processor: Partial<IAttributesProcessor> | undefined, i) => {
    if (typeof processor?.process !== 'function') {
      throw new TypeError(
        `${label}.attributesProcessors[${i}] must have a process function, got ${describe(processor)}`,
      )
    }
  })
  return processors.slice()
}

function checkLimit(limit: number | undefined, label: string): void {
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) {
    throw new RangeError(
      `${label}.aggregationCardinalityLimit must be a whole number of at least 1, got ${describe(limit)}`,
    )
  }
}

/**
 * Whether a name is as a pattern says: `*` stands for any number of characters, `?` for one (OTel spec, metrics SDK,
 * "Instrument selection criteria"). In time that is the product of both lengths at most; as a regular expression, several `*`
 * would take for ever at a name that is long enough.
 */
function isLike(name: string, pattern: string): boolean {
  let at = 0
  let inPattern = 0
  /** Where the last `*` was, and up to where in the name it reaches; another character is tried for it at each mismatch. */
  let star = -1
  let reach = 0
  while (at < name.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern++
      reach = at
    } else if (pattern[inPattern] === '?' || pattern[inPattern] === name[at]) {
      inPattern++
      at++
    } else if (star >= 0) {
      inPattern = star + 1
      at = ++reach
    } else {
      return false
    }
  }
  while (pattern[inPattern] === '*') inPattern++
  return inPattern === pattern.length
}
