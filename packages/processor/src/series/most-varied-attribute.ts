import { valueKey } from './attribute-key.ts'
import type { Series } from './series.ts'

/** Beyond this many sets it is clear enough, and counting on would hold the event loop. */
const MOST_COUNTED = 10_000

/** The name of the attribute with the most values in these sets, and how many it has; undefined if there is none. */
export function mostVariedAttribute(
  all: Iterable<Series>,
): { readonly name: string; readonly values: number } | undefined {
  const valuesOf = new Map<string, Set<string>>()
  let counted = 0
  for (const { attributes } of all) {
    if (counted++ === MOST_COUNTED) break
    for (const name of Object.keys(attributes)) {
      let values = valuesOf.get(name)
      if (values === undefined) {
        values = new Set()
        valuesOf.set(name, values)
      }
      values.add(valueKey(attributes[name]))
    }
  }
  let most: { name: string; values: number } | undefined
  for (const [name, { size }] of valuesOf) if (size > (most?.values ?? 0)) most = { name, values: size }
  return most
}
