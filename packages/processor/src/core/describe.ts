/** How many values are shown of one, and characters of a text: an error message is for reading. */
const MOST_SHOWN = 100
const MOST_CHARACTERS = 1000

/** How many more values there is room for. */
interface Room {
  left: number
}

/**
 * A value as an error message shows it: like JSON, but it tells `NaN`, infinities and `undefined` from `null`, and ends. Never
 * throws.
 */
export function describe(value: unknown): string {
  try {
    return shown(value, { left: MOST_SHOWN })
  } catch {
    return `[${typeof value}]`
  }
}

function shown(value: unknown, room: Room): string {
  room.left--
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, MOST_CHARACTERS))
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? shownArray(value, room) : shownObject(value as Record<string, unknown>, room)
    case 'bigint':
      return '[bigint]'
    default:
      return String(value).slice(0, MOST_CHARACTERS)
  }
}

function shownArray(array: readonly unknown[], room: Room): string {
  const { length } = array
  const items: string[] = []
  while (items.length < length && room.left > 0) items.push(shown(array[items.length], room))
  if (items.length < length) items.push(`… ${length} in all`)
  return `[${items.join(',')}]`
}

function shownObject(object: Record<string, unknown>, room: Room): string {
  const items: string[] = []
  for (const name in object) {
    const value = object[name]
    if (value === undefined || typeof value === 'function') continue
    if (room.left <= 0) {
      items.push('…')
      break
    }
    items.push(`${shown(name, room)}:${shown(value, room)}`)
  }
  return `{${items.join(',')}}`
}
