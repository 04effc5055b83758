import {
  AggregationTemporality,
  DataPointType,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'

/** Adds up, by metric, the deltas that it takes: sums of values, and of histograms how many as well. */
export class TotallingExporter implements PushMetricExporter {
  readonly totals = new Map<string, number>()
  fails = false
  onExport: () => void = () => {}
  beforeAnswer: () => void = () => {}

  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.DELTA
  }

  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    this.onExport()
    setImmediate(() => {
      this.beforeAnswer()
      if (this.fails) return done({ code: 1, error: new Error('refused') })
      this.#take(metrics)
      done({ code: 0 })
    })
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}

  #take({ scopeMetrics }: ResourceMetrics): void {
    for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      const { name } = metric.descriptor
      if (metric.dataPointType === DataPointType.SUM) {
        for (const { value } of metric.dataPoints) this.#add(name, value)
      } else if (metric.dataPointType !== DataPointType.GAUGE) {
        for (const { value } of metric.dataPoints) {
          this.#add(name, value.sum!)
          this.#add(`${name}, how many`, value.count)
        }
      }
    }
  }

  #add(key: string, value: number): void {
    this.totals.set(key, (this.totals.get(key) ?? 0) + value)
  }
}
