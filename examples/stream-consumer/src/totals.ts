/** A sum for each metric; metrics are named `kind.topic`. All values are whole numbers, so that every sum is exact. */
export type Totals = Map<string, number>

export function addTo(totals: Totals, metric: string, value: number): void {
  totals.set(metric, (totals.get(metric) ?? 0) + value)
}

/** The sum over all topics. */
export function totalOf(totals: Totals, kind: string): number {
  let sum = 0
  for (const [metric, value] of totals) if (metric.startsWith(`${kind}.`)) sum += value
  return sum
}
