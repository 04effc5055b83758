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
    return describeWithin(value, { left: MOST_SHOWN })
  } catch {
    return shown(value)
  }
}

/** A value in few characters and without what is in an object. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'object' || typeof value === 'function')
    return value === null ? 'null' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
  // The digits of a long one take for ever.
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? `${value}n` : 'a bigint'
  return String(value).slice(0, 40)
}

/** What something says that was thrown, which may be anything. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return 'an error that cannot be read'
  }
}

function describeWithin(value: unknown, room: Room): string {
  room.left--
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, MOST_CHARACTERS))
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? describeArray(value, room) : describeObject(value as Record<string, unknown>, room)
    case 'bigint':
      return '[bigint]'
    default:
      return String(value).slice(0, MOST_CHARACTERS)
  }
}

function describeArray(array: readonly unknown[], room: Room): string {
  const { length } = array
  const items: string[] = []
  while (items.length < length && room.left > 0) items.push(describeWithin(array[items.length], room))
  if (items.length < length) items.push(`… ${length} in all`)
  return `[${items.join(',')}]`
}

function describeObject(object: Record<string, unknown>, room: Room): string {
  const items: string[] = []
  for (const name in object) {
    const value = object[name]
    if (value === undefined || typeof value === 'function') continue
    if (room.left <= 0) {
      items.push('…')
      break
    }
    items.push(`${describeWithin(name, room)}:${describeWithin(value, room)}`)
  }
  return `{${items.join(',')}}`
}
