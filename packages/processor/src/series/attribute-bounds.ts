/**
 * How much one attribute set may hold. The OTel specification has no limits for metrics unless asked for (common, "Attribute
 * Limits"); beyond these is what no backend takes, and what would cost a recording or a batch out of all proportion: an array
 * of 2^32 - 1 holes is made in no time and takes a minute to look at.
 */

/** Names, elements and the names within maps, of a whole set. */
export const MOST_ITEMS = 4096
/** Characters of all names and texts of a set; of three bytes each they still fit the 4 MiB of a gRPC message. */
export const MOST_CHARACTERS = 2 ** 20
/** Characters of one text, or bytes of one value. */
export const LONGEST_TEXT = 2 ** 17
/** Arrays and maps within each other. Receivers of protobuf stop at 100 messages within each other, three for each level. */
export const DEEPEST = 8

/** How much more one set may hold. */
export class Room {
  items = MOST_ITEMS
  characters = MOST_CHARACTERS
  /** Whether more was to be taken than there was left. */
  isFull = false

  /** Takes so much, if there is so much left. */
  take(items: number, characters: number): boolean {
    // What is no number is not allowed, either.
    if (!(items <= this.items && characters <= this.characters)) {
      this.isFull = true
      return false
    }
    this.items -= items
    this.characters -= characters
    return true
  }

  /** Goes back to where it was. */
  giveBack(items: number, characters: number): void {
    this.items = items
    this.characters = characters
  }
}

/** Objects that have more names than {@link MOST_ITEMS}: to count a million takes half a second, which may be done once. */
let outsized: WeakSet<object> | undefined

/**
 * Whether there is no need to look at its names: it is known to be {@link isOutsized}, or it is a buffer, where to make a name
 * for each byte may take all memory. This is asked for every recording, which is why an array is looked at first, once.
 */
export function isKnownOutsized(value: object): boolean {
  return ArrayBuffer.isView(value) || outsized?.has(value) === true
}

/** Whether an object has more names than a whole set may have. Throws what the traps of a proxy throw. */
export function isOutsized(value: object): boolean {
  if (isKnownOutsized(value)) return true
  if (Array.isArray(value) ? value.length <= MOST_ITEMS : !hasManyNames(value)) return false
  outsized ??= new WeakSet()
  outsized.add(value)
  return true
}

function hasManyNames(value: object): boolean {
  let names = 0
  for (const _name in value) if (++names > MOST_ITEMS) return true
  return false
}

/** The beginning of a text. It does not keep the whole one in memory, as a slice would. */
export function beginningOf(text: string, characters: number): string {
  return text.length > characters ? Buffer.from(text.slice(0, characters), 'utf16le').toString('utf16le') : text
}
