import {
  type AggregationTemporality,
  type CollectionResult,
  MetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'

/** All that is data of what an exporter was given, as a text that nothing can change afterwards. */
export function snapshot({ resource, scopeMetrics }: ResourceMetrics): string {
  const { attributes, schemaUrl } = resource
  return JSON.stringify({ attributes, schemaUrl, raw: resource.getRawAttributes(), scopeMetrics })
}

/**
 * Does to everything that it can reach what exporters do to something: it adds, renames, deletes, pushes, sorts. In strict
 * mode, so that it throws at what is frozen.
 */
export function vandalise(given: unknown): void {
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    for (const item of Object.values(value)) visit(item)
    if (Array.isArray(value)) {
      value.push('vandal')
      value.reverse()
      return
    }
    if (ArrayBuffer.isView(value)) {
      new Uint8Array(value.buffer).fill(7)
      return
    }
    const object = value as Record<string, unknown>
    object.vandal = 'was here'
    for (const [name, item] of Object.entries(object)) {
      if (typeof item === 'string') object[name] = `${item}!`
      if (typeof item === 'number') object[name] = -item
      if (typeof item === 'boolean') delete object[name]
    }
  }
  visit(given)
}

/** Takes down what it is given, and then breaks it. */
export class VandalExporter implements PushMetricExporter {
  readonly taken: string[] = []
  /** What it answers: 3 is nothing. */
  fails = false
  readonly #temporality: AggregationTemporality

  constructor(temporality: AggregationTemporality) {
    this.#temporality = temporality
  }

  selectAggregationTemporality(): AggregationTemporality {
    return this.#temporality
  }

  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    this.taken.push(snapshot(metrics))
    vandalise(metrics)
    done(this.fails ? { code: 1, error: new Error('broken') } : { code: 0 })
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

/** The same that pulls. */
export class VandalReader extends MetricReader {
  readonly taken: string[] = []

  constructor(temporality: AggregationTemporality) {
    super({ aggregationTemporalitySelector: () => temporality })
  }

  async take(): Promise<CollectionResult> {
    const result = await this.collect()
    this.taken.push(snapshot(result.resourceMetrics))
    vandalise(result.resourceMetrics)
    return result
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
