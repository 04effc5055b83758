import { serialize } from 'node:v8'
import { report } from '@otel-sluice/processor'

/** What was said is remembered up to this number: applications may have any number of keys. */
const MOST_SAID = 100
const said = new Set<string>()

/**
 * Without the fields that `v8.serialize` refuses. The SDK lets functions, symbols and promises pass as attributes, and a
 * getter may throw. The reason is not said: it may be source text of the application.
 *
 * @param owner whose attributes they are, for what is said of each key once
 */
export function clonableFields<T extends object>(fields: T, owner: string): T {
  const clonable = Object.keys(fields).flatMap((key) => {
    try {
      const value = fields[key as keyof T]
      serialize(value)
      return [[key, value] as const]
    } catch {
      sayOnce(`attribute ${JSON.stringify(key)} of ${owner}`)
      return []
    }
  })
  return Object.fromEntries(clonable) as T
}

function sayOnce(what: string): void {
  if (said.has(what) || said.size >= MOST_SAID) return
  said.add(what)
  report('warn', `sluice: ${what} cannot be written to disk, and is left out there`)
}
