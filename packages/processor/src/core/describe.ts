/** A value as an error message shows it: like JSON, but it tells `NaN`, infinities and `undefined` from `null`. */
export function describe(value: unknown): string {
  try {
    if (typeof value === 'number') return String(value)
    if (Array.isArray(value)) return `[${Array.from(value, describe).join(',')}]`
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
