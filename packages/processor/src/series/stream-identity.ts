import { type Attributes, type MetricOptions, ValueType } from '@opentelemetry/api'
import type { MetricDescriptor } from '@opentelemetry/sdk-metrics'
import { MOST_BOUNDARIES } from '../aggregation/bucket-search.ts'
import { beginningOf, LONGEST_TEXT } from './attribute-bounds.ts'
import type { AttributeCheck } from './attribute-check.ts'
import type { InstrumentationScope } from './stream.ts'

/** Four times what the OTel specification allows a name (metrics API, "Instrument name syntax"). */
const LONGEST_NAME = 1024

/**
 * What is to be a name or another text of a metric, as text: JavaScript lets anything pass, and no format but that of the
 * console has a word for it. Values that are no objects as JavaScript writes them; of an object nothing is read.
 */
export function textOf(value: unknown, longest = LONGEST_NAME): string {
  switch (typeof value) {
    case 'string':
      return beginningOf(value, longest)
    case 'object':
    case 'function':
      return value === null ? 'null' : `[${typeof value}]`
    case 'bigint':
      // The digits of a long one take for ever.
      return BigInt.asIntN(64, value) === value ? String(value) : '[bigint]'
    default:
      return beginningOf(String(value), longest)
  }
}

/** The same for what may be missing. */
export function textIfAny(value: unknown, longest = LONGEST_NAME): string {
  return value === undefined || value === null ? '' : textOf(value, longest)
}

function textIfThere(value: unknown): string | undefined {
  return value == null ? undefined : textOf(value)
}

/** What the SDK puts on a descriptor, too, though its declarations leave it out. */
export type FullDescriptor = MetricDescriptor & { readonly advice?: MetricOptions['advice'] }

/** What exporters read of an instrument: the same object if every field is what it has to be. */
export function readableDescriptor<Descriptor extends MetricDescriptor>(given: Descriptor): Descriptor {
  const { name, description, unit, valueType } = given
  const readable = {
    name: textOf(name),
    description: textIfAny(description, LONGEST_TEXT),
    unit: textIfAny(unit),
    valueType: valueType === ValueType.INT ? ValueType.INT : ValueType.DOUBLE,
  }
  const isReadable =
    readable.name === name &&
    readable.description === description &&
    readable.unit === unit &&
    readable.valueType === valueType
  return isReadable ? given : { ...given, ...readable }
}

/** A copy of the advice of an instrument, of which exporters may read, if it can be read. */
export function readableAdvice(given: FullDescriptor['advice']): NonNullable<FullDescriptor['advice']> {
  try {
    const boundaries = readableBoundaries(given?.explicitBucketBoundaries ?? undefined)
    return boundaries === undefined ? {} : { explicitBucketBoundaries: boundaries }
  } catch {
    return {}
  }
}

/** A copy of boundaries as numbers; `undefined` where they cannot be. */
export function readableBoundaries(boundaries: readonly unknown[] | undefined): number[] | undefined {
  if (!Array.isArray(boundaries) || boundaries.length > MOST_BOUNDARIES) return undefined
  const numbers = Array.from({ length: boundaries.length }, (_, i) => {
    const bound: unknown = boundaries[i]
    return typeof bound === 'bigint' ? Number(bound) : bound
  })
  return numbers.every((bound) => typeof bound === 'number') ? numbers : undefined
}

/**
 * What exporters read of a scope, as a copy. Its attributes are an extension that the SDK for JavaScript does not have.
 *
 * @param check what they go through
 */
export function readableScope(given: InstrumentationScope, check: AttributeCheck): InstrumentationScope {
  const { name, version, schemaUrl, attributes } = given as InstrumentationScope & { readonly attributes?: Attributes }
  return {
    name: textIfAny(name),
    // As the SDK has them, which are there and undefined.
    ...('version' in given && { version: textIfThere(version) as string }),
    ...('schemaUrl' in given && { schemaUrl: textIfThere(schemaUrl) as string }),
    ...(attributes != null && { attributes: check.accept(attributes) }),
  }
}
