import { join } from 'node:path'
import { readRegularFile, syncDirectory, writeNewFile } from './durable-file.ts'
import { entryFileName, parseEntryFileName, temporaryName } from './file-names.ts'
import { codeOf, SpoolError } from './spool-errors.ts'
import { decodeInSlices, encodeHeader, HEADER_BYTES, MAX_BODY_BYTES } from './spool-format.ts'
import { attempt, call, type Steps } from './steps.ts'

/** A file of a slot. */
export interface SlotFile {
  readonly name: string
  readonly generation: number
  readonly bytes: number
}

/**
 * One entry on disk, through all versions of its content. It is known by its sequence (see file-names.ts).
 *
 * INVARIANT: `#content` is durable, and no file of a lower generation is needed. Whatever else may lie there for this
 * slot is in `#leftovers`, and is removed as soon as the file system lets us.
 */
export class Slot {
  readonly sequence: number
  /** The generation of the latest write that was asked for. */
  asked = 0
  readonly #directory: string
  #content: SlotFile | undefined
  #leftovers: SlotFile[] = []

  constructor(directory: string, sequence: number, content?: SlotFile) {
    this.#directory = directory
    this.sequence = sequence
    this.#content = content
  }

  get isStored(): boolean {
    return this.#content !== undefined
  }

  /** The name of the slot in which its content lies on disk. */
  get storedName(): string | undefined {
    return this.#content === undefined ? undefined : parseEntryFileName(this.#content.name)?.slot
  }

  get contentBytes(): number {
    return this.#content?.bytes ?? 0
  }

  /** Everything it takes on disk. */
  get bytes(): number {
    return this.#leftovers.reduce((sum, { bytes }) => sum + bytes, this.contentBytes)
  }

  /**
   * Replaces the content: a new file, fsync, rename, fsync of the directory, and only then the older one goes. A failure
   * leaves the old content. A blocking write of the same slot that comes in between has a higher generation and wins.
   */
  *store(slot: string, generation: number, body: Uint8Array, points: number): Steps<void> {
    if (this.#isSuperseded(generation)) return
    const header = yield* encodeHeader(body, points)
    const name = entryFileName({ sequence: this.sequence, generation, slot })
    const file = { name, generation, bytes: header.length + body.length }
    const temporary = { ...file, name: temporaryName(name) }
    try {
      yield* writeNewFile(this.#path(temporary), [header, body])
      if (this.#isSuperseded(generation)) {
        this.#leftovers.push(temporary)
      } else {
        yield* call('rename', this.#path(temporary), this.#path(file))
        yield* syncDirectory(this.#directory)
        this.#settle(file)
      }
    } catch (error) {
      this.#leftovers.push(temporary, file)
      yield* this.#sweep()
      throw error
    }
    yield* this.#sweep()
  }

  /** @throws SpoolError with the code `UNREADABLE` if it rotted since it was found readable */
  *read(): Steps<Uint8Array> {
    const path = this.#path(this.#required('read'))
    const bytes = yield* readRegularFile(path, HEADER_BYTES + MAX_BODY_BYTES + 1)
    const entry = bytes && (yield* decodeInSlices(bytes))
    if (entry?.type === 'entry') return entry.body
    const reason = entry?.type === 'unreadable' ? entry.reason : 'it is not what it was'
    throw new SpoolError('read', path, reason, { code: 'UNREADABLE' })
  }

  /** Gives up its content, which goes where `move` says. */
  *giveUp<T>(move: (fileName: string) => Steps<T>): Steps<T> {
    const moved = yield* move(this.#required('give up').name)
    this.#content = undefined
    return moved
  }

  /** Changes the name of the slot in the file name. */
  *relabel(slot: string): Steps<void> {
    const file = this.#required('rename')
    const renamed = { ...file, name: entryFileName({ sequence: this.sequence, generation: file.generation, slot }) }
    if (renamed.name !== file.name) {
      try {
        yield* call('rename', this.#path(file), this.#path(renamed))
      } catch (error) {
        if (this.#content === file || codeOf(error) !== 'ENOENT') throw error
      }
      if (this.#content === file) this.#content = renamed
      else this.#leftovers.push(renamed)
    }
    yield* syncDirectory(this.#directory)
    yield* this.#sweep()
  }

  /** Durably. The content goes last: a crash half-way must not bring an older one back. */
  *remove(): Steps<void> {
    for (const file of [...this.#leftovers]) {
      yield* this.#unlink(file)
      this.#leftovers = this.#leftovers.filter((each) => each !== file)
    }
    const file = this.#content
    if (file !== undefined) yield* this.#unlink(file)
    yield* syncDirectory(this.#directory)
    if (this.#content === file) this.#content = undefined
  }

  #isSuperseded(generation: number): boolean {
    return this.#content !== undefined && this.#content.generation > generation
  }

  #settle(file: SlotFile): void {
    const older = this.#isSuperseded(file.generation) ? file : this.#content
    if (older !== undefined) this.#leftovers.push(older)
    if (older !== file) this.#content = file
  }

  /** What cannot be removed now is tried again at the next write. */
  *#sweep(): Steps<void> {
    for (const file of [...this.#leftovers]) {
      if (yield* attempt(this.#unlink(file))) this.#leftovers = this.#leftovers.filter((each) => each !== file)
    }
  }

  *#unlink(file: SlotFile): Steps<void> {
    try {
      yield* call('unlink', this.#path(file))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  #required(operation: string): SlotFile {
    if (this.#content === undefined) throw new SpoolError(operation, this.#directory, 'the slot holds nothing')
    return this.#content
  }

  #path({ name }: SlotFile): string {
    return join(this.#directory, name)
  }
}
