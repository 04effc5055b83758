/** The slots of one process: what gathers, each parcel that is sealed, how far that is, and the latest cumulative points. */
export const OPEN = 'open'
export const CUMULATIVE = 'cumulative'
/** How far it is with a parcel that another process has left. */
export const REPLAYED = 'replayed'

/** @param number tells the sealed parcels of one process apart, and ascends */
export const sealedSlot = (number: number): string => `sealed-${number}`
export const progressSlot = (number: number): string => `progress-${number}`

export const isProgressSlot = (slot: string): boolean => slot === REPLAYED || slot.startsWith('progress-')

/** In what order the parcels of one process are sent again: as it would have sent them. */
export function compareSlots(a: string, b: string): number {
  return rank(a) - rank(b)
}

function rank(slot: string): number {
  if (slot === OPEN) return Number.MAX_SAFE_INTEGER - 1
  if (slot === CUMULATIVE) return Number.MAX_SAFE_INTEGER
  return Number(slot.slice('sealed-'.length))
}
