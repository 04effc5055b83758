import type { Attributes, ValueType } from '@opentelemetry/api'
import type { InstrumentType } from '@opentelemetry/sdk-metrics'
import type { InstrumentationScope } from '../series/stream.ts'

/** A metric as a processor sees it. Name, description and unit may be changed, the rest is what it is. */
export interface ProcessedMetric {
  readonly scope: InstrumentationScope
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly kind: InstrumentType
  readonly valueType: ValueType
}

/**
 * Changes what is exported, to every adapter alike, without touching what is recorded: it makes a derived generation of a
 * frozen one. Series that become equal are aggregated into one: sums and buckets add, of gauges one is kept.
 *
 * Both methods must be pure: their answers are remembered for as long as the metric or the attribute set is in use. Both
 * may be left out, and then change nothing. Where one throws, or gives what is no metric or no attributes, the processor is
 * passed over, with one diagnostic.
 */
export interface MetricProcessor {
  /** For diagnostics. */
  readonly name: string
  /** Called once per metric; `undefined` drops it. */
  processMetric?(metric: ProcessedMetric): ProcessedMetric | undefined
  /** Called once per attribute set, with the metric as it was processed; `undefined` drops the series. */
  processAttributes?(attributes: Attributes, metric: ProcessedMetric): Attributes | undefined
}

/** A metric name, or a pattern for it. */
export type MetricNames = string | RegExp

/** Exports only the metrics whose name is or matches one of these. */
export function keepMetrics(...names: readonly MetricNames[]): MetricProcessor {
  return { name: 'keepMetrics', processMetric: (metric) => (matches(names, metric) ? metric : undefined) }
}

/** Exports all metrics but those whose name is or matches one of these. */
export function dropMetrics(...names: readonly MetricNames[]): MetricProcessor {
  return { name: 'dropMetrics', processMetric: (metric) => (matches(names, metric) ? undefined : metric) }
}

/** Renames metrics: `{ 'old.name': 'new.name' }`, or a function from name to name. */
export function renameMetrics(names: Readonly<Record<string, string>> | ((name: string) => string)): MetricProcessor {
  const rename =
    typeof names === 'function' ? names : (name: string) => (Object.hasOwn(names, name) ? names[name]! : name)
  return { name: 'renameMetrics', processMetric: (metric) => ({ ...metric, name: rename(metric.name) }) }
}

/** Keeps only these attributes, of all metrics or of those named. */
export function keepAttributes(keys: readonly string[], ...of: readonly MetricNames[]): MetricProcessor {
  const kept = new Set(keys)
  return onAttributes('keepAttributes', of, (attributes) => pick(attributes, (key) => kept.has(key)))
}

/** Drops these attributes, of all metrics or of those named. */
export function dropAttributes(keys: readonly string[], ...of: readonly MetricNames[]): MetricProcessor {
  const dropped = new Set(keys)
  return onAttributes('dropAttributes', of, (attributes) => pick(attributes, (key) => !dropped.has(key)))
}

/** Adds these attributes to every series, of all metrics or of those named; what a series has already stays. */
export function addAttributes(added: Attributes, ...of: readonly MetricNames[]): MetricProcessor {
  return onAttributes('addAttributes', of, (attributes) => ({ ...added, ...attributes }))
}

function onAttributes(
  name: string,
  of: readonly MetricNames[],
  change: (attributes: Attributes) => Attributes,
): MetricProcessor {
  return {
    name,
    processAttributes: (attributes, metric) =>
      of.length === 0 || matches(of, metric) ? change(attributes) : attributes,
  }
}

function matches(names: readonly MetricNames[], { name }: ProcessedMetric): boolean {
  // Not RegExp.test: that of a global pattern remembers where it was.
  return names.some((wanted) => (typeof wanted === 'string' ? wanted === name : name.search(wanted) >= 0))
}

function pick(attributes: Attributes, wanted: (key: string) => boolean): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => wanted(key)))
}
