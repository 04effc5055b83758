/** An option as an error message shows it. Never throws. */
export function shown(value: unknown): string {
  try {
    return String(value)
  } catch {
    // An object without a prototype, a proxy.
    return `a ${typeof value} that cannot be shown`
  }
}

/** What the class of an exporter is called, where it has one that can be read. Never throws. */
export function classNameOf(value: unknown, otherwise: string): string {
  try {
    const name: unknown = (value as object).constructor.name
    return typeof name === 'string' && name !== '' ? name : otherwise
  } catch {
    return otherwise
  }
}
