import { type MetricOptions, ValueType } from '@opentelemetry/api'
import type { InstrumentType, MetricDescriptor } from '@opentelemetry/sdk-metrics'
import { report } from '../series/report.ts'

/** What hints an instrument gives for its aggregation. */
export type MetricAdvice = NonNullable<MetricOptions['advice']>

/** What an instrument is, in the shape that the SDK puts on a metric; its declarations leave out `type` and `advice`. */
export interface InstrumentDescriptor extends MetricDescriptor {
  readonly type: InstrumentType
  readonly advice: MetricAdvice
}

/** The syntax of a name (OTel spec, metrics API, "Instrument name syntax"). */
const NAME = /^[a-z][a-z0-9_.\-/]{0,254}$/i

/**
 * The descriptor of an instrument. An invalid name is reported as a warning and used all the same, as the SDK does.
 *
 * @param options unit and description default to `''`, the value type to `DOUBLE`, the advice to none
 */
export function createDescriptor(
  name: string,
  kind: InstrumentType,
  options: MetricOptions | undefined,
): InstrumentDescriptor {
  if (typeof name !== 'string' || !NAME.test(name)) {
    report(
      'warn',
      `sluice: ${JSON.stringify(name)} is not a valid instrument name: up to 255 ASCII letters, digits and _ . - / are, ` +
        'of which the first is a letter. It is used as it is, but backends may reject or change it',
    )
  }
  return {
    name,
    description: options?.description ?? '',
    unit: options?.unit ?? '',
    type: kind,
    valueType: options?.valueType ?? ValueType.DOUBLE,
    advice: options?.advice ?? {},
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
