import { type MetricOptions, ValueType } from '@opentelemetry/api'
import type { InstrumentType, MetricDescriptor } from '@opentelemetry/sdk-metrics'
import { shown } from '../core/describe.ts'
import { report } from '../series/report.ts'
import { readableDescriptor } from '../series/stream-identity.ts'

/** What hints an instrument gives for its aggregation. */
export type MetricAdvice = NonNullable<MetricOptions['advice']>

/** What an instrument is, in the shape that the SDK puts on a metric; its declarations leave out `type` and `advice`. */
export interface InstrumentDescriptor extends MetricDescriptor {
  readonly type: InstrumentType
  readonly advice: MetricAdvice
}

/** The syntax of a name (OTel spec, metrics API, "Instrument name syntax"). */
const NAME = /^[a-z][a-z0-9_.\-/]{0,254}$/i

/** What was said is remembered up to this number: applications may make instruments over and over. */
const MOST_SAID = 1000
const said = new Set<string>()

/**
 * The descriptor of an instrument. An invalid name is reported as a warning and used all the same, as the SDK does; what is
 * to be text and is not, or is too long, is made text. Never throws.
 *
 * @param options unit and description default to `''`, the value type to `DOUBLE`, the advice to none
 */
export function createDescriptor(
  name: string,
  kind: InstrumentType,
  options: MetricOptions | undefined,
): InstrumentDescriptor {
  const given = {
    name,
    description: read(() => options?.description) ?? '',
    unit: read(() => options?.unit) ?? '',
    valueType: read(() => options?.valueType) ?? ValueType.DOUBLE,
  }
  const descriptor = readableDescriptor(given)
  if (descriptor.name !== name || !NAME.test(name)) {
    const shownName = typeof name === 'string' ? JSON.stringify(descriptor.name.slice(0, 256)) : shown(name)
    sayOnce(
      `${shownName} is not a valid instrument name: up to 255 ASCII letters, digits and _ . - / are, ` +
        `of which the first is a letter. It is used as ${descriptor.name === name ? 'it is' : shown(descriptor.name)}, ` +
        'but backends may reject or change it',
    )
  }
  for (const field of ['description', 'unit'] as const) {
    if (descriptor[field] === given[field]) continue
    sayOnce(
      `${descriptor.name.slice(0, 256)}: the ${field} of an instrument must be text that is not too long, got ` +
        `${shown(given[field])}: it is ${shown(descriptor[field])}`,
    )
  }
  return { ...descriptor, type: kind, advice: read(() => options?.advice) ?? {} }
}

function sayOnce(message: string): void {
  if (said.has(message) || said.size >= MOST_SAID) return
  said.add(message)
  report('warn', `sluice: ${message}`)
}

/** Instruments are made in the middle of an application: an option that throws when it is read is not given. */
function read<T>(option: () => T): T | undefined {
  try {
    return option()
  } catch {
    return undefined
  }
}

/** Whether instruments or views of one scope with these descriptors record into one stream: the SDK's rule. */
export function isSameStream(a: InstrumentDescriptor, b: InstrumentDescriptor): boolean {
  return a.name === b.name && a.unit === b.unit && a.type === b.type && a.valueType === b.valueType
}

/** The longer of two descriptions that one stream was given, as the SDK chooses; the first if they are equally long. */
export function withLongerDescription(first: InstrumentDescriptor, later: InstrumentDescriptor): InstrumentDescriptor {
  return later.description.length > first.description.length ? { ...first, description: later.description } : first
}
