import { join } from 'node:path'
import { readRegularFile, syncDirectory } from './durable-file.ts'
import { isTemporary, parseEntryFileName } from './file-names.ts'
import { isLeaseFile } from './lease.ts'
import { Slot, type SlotFile } from './slot.ts'
import { decodeInSlices, HEADER_BYTES, MAX_BODY_BYTES } from './spool-format.ts'
import { attempt, call, type Steps } from './steps.ts'

/** An entry as it was found. */
export interface FoundEntry {
  readonly slot: Slot
  readonly name: string
  readonly points: number
}

/** Moves a file away that cannot be read, and that counts for so many points, if that is known. */
type SetAside = (name: string, reason: string, points: number | undefined) => Steps<void>

/** What one incarnation left behind, in the hands of this one. */
export class ClaimedDirectory {
  readonly path: string
  /** What was read in and not removed since, by sequence. */
  readonly #slots = new Map<number, Slot>()
  /** Read in at any time. */
  readonly #known = new Set<number>()
  #found: FoundEntry[] = []

  constructor(path: string) {
    this.path = path
  }

  get bytes(): number {
    let sum = 0
    for (const slot of this.#slots.values()) sum += slot.bytes
    return sum
  }

  /**
   * Reads in the entries that were not yet, in the order of their sequence, for `takeFound`. Temporary files are swept.
   *
   * @param failed Told of an entry that cannot be read now; it stays, and is tried again at the next call
   */
  *readIn(setAside: SetAside, failed: (error: unknown) => void): Steps<void> {
    const names = yield* call('readdir', this.path)
    for (const name of names.filter(isTemporary)) yield* attempt(call('unlink', join(this.path, name)))
    for (const [sequence, files] of bySequence(names)) {
      if (this.#known.has(sequence)) continue
      try {
        const entry = yield* this.#choose(sequence, files, setAside)
        if (entry === undefined) continue
        this.#known.add(sequence)
        this.#slots.set(sequence, entry.slot)
        this.#found.push(entry)
      } catch (error) {
        failed(error)
      }
    }
  }

  /** What was read in, once. A caller that gave up waiting has not taken it, and the next one does. */
  takeFound(): FoundEntry[] {
    const found = this.#found
    this.#found = []
    return found
  }

  /** The highest generation that can be read counts. */
  *#choose(sequence: number, names: readonly string[], setAside: SetAside): Steps<FoundEntry | undefined> {
    const older: string[] = []
    let content: { file: SlotFile; slot: string; points: number } | undefined
    for (const name of names) {
      const { slot, generation } = parseEntryFileName(name)!
      if (content !== undefined) {
        older.push(name)
        continue
      }
      const bytes = yield* readRegularFile(join(this.path, name), HEADER_BYTES + MAX_BODY_BYTES + 1)
      const entry = bytes && (yield* decodeInSlices(bytes))
      if (entry?.type === 'newer') return undefined
      if (entry?.type === 'entry') {
        content = { file: { name, generation, bytes: bytes!.length }, slot, points: entry.points }
      } else yield* setAside(name, entry?.reason ?? 'it is not a regular file', entry?.points)
    }
    if (content === undefined) return undefined
    // The process may have died between the rename of the newest file and its being durable.
    if (older.length > 0) yield* syncDirectory(this.path)
    for (const name of older) yield* attempt(call('unlink', join(this.path, name)))
    return { slot: new Slot(this.path, sequence, content.file), name: content.slot, points: content.points }
  }

  /** Whether it was read in and not removed since. */
  has(slot: Slot): boolean {
    return this.#slots.get(slot.sequence) === slot
  }

  *remove(slot: Slot): Steps<void> {
    yield* slot.remove()
    this.#slots.delete(slot.sequence)
  }

  /** Its file goes where `move` says. */
  *giveUp<T>(slot: Slot, move: (fileName: string) => Steps<T>): Steps<T> {
    const moved = yield* slot.giveUp(move)
    this.#slots.delete(slot.sequence)
    return moved
  }

  /**
   * Removes the directory if nothing is owed any more. An entry that turned up after the directory was read is of a write
   * that lost its directory on the way, and so was never acknowledged.
   *
   * @returns whether it is gone
   */
  *removeIfDone(): Steps<boolean> {
    if (this.#slots.size > 0) return false
    const names = yield* call('readdir', this.path)
    for (const name of names) {
      const sequence = parseEntryFileName(name)?.sequence
      const isOurs = isTemporary(name) || isLeaseFile(name) || (sequence !== undefined && this.#known.has(sequence))
      if (!isOurs) return false
    }
    for (const name of names) yield* attempt(call('unlink', join(this.path, name)))
    return yield* attempt(call('rmdir', this.path))
  }
}

/** Sequences ascending, and within each the names with the highest generation first. */
function bySequence(names: readonly string[]): Map<number, string[]> {
  const entries = names.flatMap((name) => {
    const entry = parseEntryFileName(name)
    return entry === undefined ? [] : [{ name, ...entry }]
  })
  entries.sort((a, b) => a.sequence - b.sequence || b.generation - a.generation)
  const groups = new Map<number, string[]>()
  for (const { name, sequence } of entries) groups.set(sequence, [...(groups.get(sequence) ?? []), name])
  return groups
}
