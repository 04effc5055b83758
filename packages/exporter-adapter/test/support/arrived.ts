import type { OtlpReceiver, ReceivedMetric } from '@otel-sluice/example-otlp-receiver'

/** Adds up what a receiver took in: delta points by summing, cumulative ones by taking the last. */
export function arrived(receiver: OtlpReceiver, name: string, attributes: Record<string, unknown> = {}) {
  let total = 0
  let sum = 0
  let last: ReceivedMetric | undefined
  for (const metric of receiver.batches.flatMap((batch) => batch.metrics)) {
    if (metric.name !== name) continue
    for (const point of metric.points) {
      if (JSON.stringify(point.attributes) !== JSON.stringify(attributes)) continue
      const value = 'value' in point ? point.value : point.count
      const isLatest = metric.kind === 'gauge' || metric.temporality === 'cumulative'
      total = isLatest ? value : total + value
      sum = isLatest ? ('sum' in point ? point.sum! : 0) : sum + ('sum' in point ? point.sum! : 0)
      last = metric
    }
  }
  return { total, sum, metric: last! }
}
