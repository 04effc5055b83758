import type { Attributes } from '@opentelemetry/api'
import { UserCode } from '../series/user-code.ts'
import type { MetricProcessor, ProcessedMetric } from './metric-processor.ts'

/** What a processor drops. */
export const DROPPED = Symbol('dropped')

/**
 * A processor of a reader. Where it throws, or gives what is no metric or no attributes, it is passed over: what it was given
 * goes on unchanged, and nothing is lost.
 */
export class GuardedProcessor {
  readonly #processor: MetricProcessor
  readonly #code: UserCode

  /** @param index among the processors of its reader, which names it where it has no name */
  constructor(processor: MetricProcessor, index: number) {
    this.#processor = processor
    this.#code = new UserCode(`the processor ${nameOf(processor, index)}`, ' and is passed over where it does')
  }

  ofMetric(metric: ProcessedMetric): ProcessedMetric | typeof DROPPED {
    const processor = this.#processor
    return this.#code.ask(
      () => (processor.processMetric ? processor.processMetric(metric) : metric),
      (given) => readMetric(given, metric),
      metric,
    )
  }

  ofAttributes(attributes: Attributes, metric: ProcessedMetric): Attributes | typeof DROPPED {
    const processor = this.#processor
    return this.#code.ask(
      () => (processor.processAttributes ? processor.processAttributes(attributes, metric) : attributes),
      readAttributes,
      attributes,
    )
  }
}

function nameOf(processor: MetricProcessor, index: number): string {
  try {
    if (typeof processor.name === 'string') return processor.name
  } catch {
    // A getter.
  }
  return `processors[${index}]`
}

function readMetric(given: unknown, before: ProcessedMetric): ProcessedMetric | typeof DROPPED | undefined {
  // Plain JavaScript may say null where it means nothing.
  if (given === undefined || given === null) return DROPPED
  if (typeof given !== 'object') return undefined
  const metric: ProcessedMetric = { ...before, ...given }
  const texts: readonly unknown[] = [metric.name, metric.description, metric.unit]
  return 'then' in given || texts.some((text) => typeof text !== 'string') ? undefined : metric
}

function readAttributes(given: unknown): Attributes | typeof DROPPED | undefined {
  if (given === undefined || given === null) return DROPPED
  if (typeof given !== 'object' || Array.isArray(given)) return undefined
  // A promise has no attributes; a set may well have one of that name.
  if (typeof (given as { readonly then?: unknown }).then === 'function') return undefined
  // Read here, and once: a getter may throw, or give another value the next time.
  return { ...given }
}
