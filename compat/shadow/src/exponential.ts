import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'

/** The buckets that hold anything, at a scale that is lower by `change`, as text. */
export function coarsened({ offset, bucketCounts }: ExponentialHistogram['positive'], change: number): string {
  const counts = new Map<number, number>()
  bucketCounts.forEach((count, i) => {
    if (count === 0) return
    const index = Math.floor((offset + i) / 2 ** change)
    counts.set(index, (counts.get(index) ?? 0) + count)
  })
  return [...counts].map(([index, count]) => `${index}: ${count}`).join()
}
