import { createHash, randomBytes } from 'node:crypto'

/**
 * ```
 * <directory>/<name>/                                       everything of one adapter, 0700
 *   20261124T130839123Z-31330-9f3a1c0d5e7b8a64/             one incarnation of it: when, which pid, random
 *     lease                                                 see lease.ts
 *     00000001.00000005.open.entry                          sequence, generation, slot
 *     00000001.00000006.open.entry.tmp                      being written
 *     20261124T120011456Z-1234-…/                           an incarnation that was claimed by this one
 *   20261124T120011456Z-1234-….00000001.00000002.open.unreadable
 * ```
 *
 * The sequence is the identity of an entry: it is given when its slot is first written, and it is the order. The
 * generation is the version of its content: of several files with one sequence the highest generation counts, and the
 * others are what a crash left. So a write never touches an older file before the newer one is durable, and two writes
 * under way at once never meet.
 */
export interface EntryName {
  readonly sequence: number
  readonly generation: number
  readonly slot: string
}

const SLOT = /^[a-z0-9][a-z0-9_-]{0,63}$/
const ENTRY = /^(\d{1,15})\.(\d{1,15})\.([a-z0-9][a-z0-9_-]{0,63})\.entry$/
const INCARNATION = /^\d{8}T\d{9}Z-\d+-[0-9a-f]{16}$/
const TEMPORARY = '.tmp'
const UNREADABLE = '.unreadable'

/** @throws RangeError */
export function checkSlotName(slot: string): void {
  if (!SLOT.test(slot)) throw new RangeError(`slot: 1 to 64 of a-z, 0-9, - and _, not ${JSON.stringify(slot)}`)
}

export function entryFileName({ sequence, generation, slot }: EntryName): string {
  const padded = (value: number): string => String(value).padStart(8, '0')
  return `${padded(sequence)}.${padded(generation)}.${slot}.entry`
}

export function parseEntryFileName(name: string): EntryName | undefined {
  const [, sequence, generation, slot] = ENTRY.exec(name) ?? []
  return slot === undefined ? undefined : { sequence: Number(sequence), generation: Number(generation), slot }
}

export const temporaryName = (name: string): string => name + TEMPORARY
export const isTemporary = (name: string): boolean => name.endsWith(TEMPORARY)

export const unreadableName = (incarnation: string, name: string): string =>
  `${incarnation}.${name.replace(/\.entry$/, '')}${UNREADABLE}`
export const isSetAside = (name: string): boolean => name.endsWith(UNREADABLE)

/** Sorts by time. */
export function incarnationName(now: number, pid: number): string {
  const time = new Date(now).toISOString().replaceAll(/[-:.]/g, '')
  return `${time}-${pid}-${randomBytes(8).toString('hex')}`
}

export const isIncarnation = (name: string): boolean => INCARNATION.test(name)

/** Any name as that of a directory, on every file system: different ones stay different, also where case is ignored. */
export function safeDirectoryName(name: string): string {
  const readable = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
  return `${readable}-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
}
