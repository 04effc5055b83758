import type { Exemplar } from '@otel-sluice/processor'
import type { Label, Labels } from './labels.ts'

/** OpenMetrics 1.0, "Exemplars": characters of all names and values together. */
const MOST_CHARACTERS = 128
/** What stands for a character that cannot be there. */
const REPLACEMENT = '\ufffd'

/**
 * The labels of an exemplar (OTel spec, compatibility, "Exemplar Conversion"): its trace, and the attributes that the series
 * does not have, unless they are too long for the format. Prometheus reads NUL in the labels of series, but not in these.
 */
export function exemplarLabels({ traceId, spanId, filteredAttributes }: Exemplar, labels: Labels): Label[] {
  const ofTrace: Label[] = [
    ...(traceId === undefined ? [] : [['trace_id', traceId] as const]),
    ...(spanId === undefined ? [] : [['span_id', spanId] as const]),
  ]
  const taken = new Set(ofTrace.map(([name]) => name))
  const filtered = labels.of(filteredAttributes).filter(([name]) => !taken.has(name))
  const all = [...ofTrace, ...filtered]
  const chosen = charactersIn(all) <= MOST_CHARACTERS ? all : ofTrace
  return chosen.map(([name, value]) => [name, value.replaceAll('\0', REPLACEMENT)])
}

/** The latest one. */
export function latestOf(exemplars: readonly Exemplar[]): Exemplar | undefined {
  return exemplars.reduce<Exemplar | undefined>(
    (latest, each) => (latest === undefined || each.timeUnixMicros >= latest.timeUnixMicros ? each : latest),
    undefined,
  )
}

/** The latest one in a bucket: above `low`, up to `high`. */
export function latestWithin(exemplars: readonly Exemplar[], low: number, high: number): Exemplar | undefined {
  return latestOf(exemplars.filter(({ value }) => value > low && value <= high))
}

function charactersIn(labels: readonly Label[]): number {
  return labels.reduce((sum, [name, value]) => sum + Array.from(name).length + Array.from(value).length, 0)
}
