/** A value as an error message shows it: like JSON, but it tells `NaN`, infinities and `undefined` from `null`. Never throws. */
export function describe(value: unknown): string {
  try {
    if (typeof value === 'number') return String(value)
    if (Array.isArray(value)) return `[${Array.from(value, describe).join(',')}]`
    return JSON.stringify(value) ?? String(value)
  } catch {
    return shown(value)
  }
}

/** A value in few characters and without what is in an object. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'object' || typeof value === 'function')
    return value === null ? 'null' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
  return typeof value === 'bigint' ? `${value}n` : String(value)
}

/** What something says that was thrown, which may be anything. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return 'an error that cannot be read'
  }
}
