/** The metrics whose measurements are counted twice: by the shop itself, and by whoever receives them. */
export const MEASURED = ['shop.orders', 'shop.orders.refused', 'shop.order.value', 'shop.order.items'] as const

export type MeasuredName = (typeof MEASURED)[number]

/** What was recorded with one instrument. */
export interface Counted {
  /** How many measurements. */
  measurements: number
  /** The sum of their values: whole numbers, so that sums can be compared to the last digit. */
  sum: number
}

export type OwnCount = Record<MeasuredName, Counted>

export function newOwnCount(): OwnCount {
  const nothing = (): Counted => ({ measurements: 0, sum: 0 })
  return {
    'shop.orders': nothing(),
    'shop.orders.refused': nothing(),
    'shop.order.value': nothing(),
    'shop.order.items': nothing(),
  }
}
