import { join, resolve } from 'node:path'
import { Claim, type ClaimedEntry, type UnreadableFile } from './claim.ts'
import { nodeFs, type SpoolFs } from './file-calls.ts'
import { checkSlotName, safeDirectoryName } from './file-names.ts'
import { identityOfThisProcess, type ProcessIdentity } from './identity.ts'
import { Incarnation } from './incarnation.ts'
import { RENEWAL_MILLIS } from './lease.ts'
import { Slot } from './slot.ts'
import { codeOf, SpoolError, SpoolTakenError } from './spool-errors.ts'
import { HEADER_BYTES } from './spool-format.ts'
import { DEFAULT_MAX_BYTES, type SpoolOptions } from './spool-options.ts'
import { runAwaited, runBlocking, type Steps } from './steps.ts'
import { TaskQueue } from './task-queue.ts'
import { WallJumps } from './wall-jumps.ts'

/**
 * Named slots of bytes on disk that outlive the process. It knows nothing of what the bytes mean.
 *
 * - What `write` has acknowledged is found by a later `claim`, as it is or newer, whatever dies in between.
 * - A slot never has a mix of two contents. A write that fails leaves the older one.
 * - Each incarnation of a process has a directory of its own under a lease (see lease.ts). `claim` takes the directories
 *   of the dead; of several who try, one succeeds.
 * - A process that stood still for longer than its lease may lose its directory. It notices: the next call fails with a
 *   {@link SpoolTakenError}, once, and the spool goes on in a fresh directory.
 * - Nothing blocks the event loop but `writeSync`. Nothing is waited for longer than 30 seconds. Calls run one after the
 *   other; a caller does not change a body until its write is done.
 *
 * Every failure of the file system rejects with a {@link SpoolError}, and the next call starts from what is there.
 *
 * @example
 * const spool = await Spool.open({ directory: '/var/lib/shop/spool', name: 'otlp' })
 * for (const entry of await spool.claim()) {
 *   await send(await entry.read())
 *   await entry.remove()
 * }
 * await spool.write('open', bytes, 12)
 */
export class Spool {
  readonly #maxBytes: number
  readonly #fs: SpoolFs
  readonly #now: () => number
  /** Of a time that is given nobody knows. */
  readonly #jumps: WallJumps | undefined
  readonly #identity: ProcessIdentity
  readonly #parent: string
  readonly #onProblem: (error: Error) => void
  readonly #queue = new TaskQueue()
  readonly #claim: Claim
  #incarnation: Incarnation
  /** That the directory was taken, when nobody has been told. */
  #untold: SpoolTakenError | undefined
  #renewal: NodeJS.Timeout | undefined
  #renewing = false
  #sequence = 0
  #generation = 0
  #closing: Promise<void> | undefined

  private constructor(options: SpoolOptions) {
    const { directory, name, maxBytes = DEFAULT_MAX_BYTES } = options
    if (!(maxBytes > 0)) throw new RangeError(`maxBytes: a number above 0, not ${maxBytes}`)
    this.#maxBytes = maxBytes
    this.#fs = options.fs ?? nodeFs
    this.#now = options.now ?? Date.now
    this.#jumps = options.now === undefined ? new WallJumps() : undefined
    this.#identity = options.identity ?? identityOfThisProcess()
    this.#parent = join(resolve(directory), safeDirectoryName(name))
    this.#onProblem = options.onProblem ?? (() => {})
    this.#incarnation = this.#newIncarnation()
    this.#claim = new Claim({
      maxBytes,
      now: this.#now,
      hasJumped: () => this.#jumps?.look() ?? false,
      incarnation: () => this.#incarnation,
      run: (operation, steps, of) => this.#run(operation, steps, of),
      report: (error) => this.#report(error),
    })
  }

  /** @throws SpoolError where the directory cannot be made and written, or is a symbolic link; RangeError for options */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = Spool.unopened(options)
    await spool.open()
    return spool
  }

  /** One that has not touched the disk. Every call opens it on its way; one that cannot fails, and the next one tries again. */
  static unopened(options: SpoolOptions): Spool {
    return new Spool(options)
  }

  /** Makes the directory and begins to renew its lease, unless that is done. @throws SpoolError */
  async open(): Promise<void> {
    if (this.#renewal !== undefined) return
    const incarnation = this.#admit()
    await this.#run('open', function* () {}, incarnation)
    if (this.#closing !== undefined) return
    this.#renewal ??= setInterval(() => this.#renewInTime(), RENEWAL_MILLIS).unref()
  }

  /** What the entries of this spool take on disk, with those it has claimed and not removed. */
  get bytes(): number {
    return this.#incarnation.bytes
  }

  /** Where the entries are; another path after the directory was taken. */
  get path(): string {
    return this.#incarnation.path
  }

  /** The entries that `claim` has set aside as `*.unreadable`, so far. */
  get unreadable(): readonly UnreadableFile[] {
    return this.#claim.unreadable
  }

  /** How many entries of newer formats the last `claim` has left alone. */
  get newerFiles(): number {
    return this.#claim.newerFiles
  }

  /**
   * Replaces what the slot holds; durable when it resolves.
   *
   * @param points What it counts for; handed back by `claim`
   * @throws SpoolError, and the slot holds what it held; with the code `SPOOL_FULL` where `maxBytes` is exceeded
   * @throws SpoolTakenError, see there
   * @throws RangeError for names of slots, points and sizes that cannot be
   */
  async write(slot: string, body: Uint8Array, points: number): Promise<void> {
    const { of, steps } = this.#prepareWrite(slot, body, points)
    await this.#run('write', steps, of)
  }

  /**
   * The same, blocking the process, for the end of it: it needs no turn of the event loop. Of a `write` under way and a
   * `writeSync` the later call wins.
   */
  writeSync(slot: string, body: Uint8Array, points: number): void {
    const { of, steps } = this.#prepareWrite(slot, body, points)
    runBlocking(this.#within(of, steps), this.#fs.blocking)
  }

  /** Gives what is in a slot another name and keeps its place in the order. @throws SpoolError where `to` is in use */
  async rename(slot: string, to: string): Promise<void> {
    checkSlotName(to)
    const incarnation = this.#admit()
    const { slots } = incarnation
    const found = slots.get(slot)
    if (found === undefined) throw new SpoolError('rename', `${this.path} ${slot}`, 'the slot holds nothing')
    if (slot === to) return
    if (slots.has(to)) throw new SpoolError('rename', `${this.path} ${slot}`, `${to} is in use`)
    slots.delete(slot)
    slots.set(to, found)
    try {
      await this.#run('rename', () => found.relabel(to), incarnation)
    } catch (error) {
      if (slots.get(to) === found && !slots.has(slot)) {
        slots.delete(to)
        slots.set(slot, found)
      }
      throw error
    }
  }

  /** Empties a slot, durably. An empty one is fine. */
  async remove(slot: string): Promise<void> {
    const incarnation = this.#admit()
    const { slots, nameless } = incarnation
    const found = slots.get(slot)
    if (found === undefined) return
    slots.delete(slot)
    nameless.add(found)
    try {
      await this.#run('remove', () => found.remove(), incarnation)
      nameless.delete(found)
    } catch (error) {
      if (!slots.has(slot) && nameless.delete(found)) slots.set(slot, found)
      throw error
    }
  }

  /** Keeps everything in this spool, and everything claimed, for another 60 seconds. It does so by itself every 10. */
  async renew(): Promise<void> {
    const incarnation = this.#admit()
    await this.#renew(incarnation)
  }

  /**
   * Removes what failed writes have left: a later process could not tell it from what was acknowledged.
   *
   * @returns whether nothing of it is left
   */
  async tidyUp(): Promise<boolean> {
    const incarnation = this.#admit()
    const { nameless } = incarnation
    if (nameless.size > 0) await this.#run('tidy up', () => incarnation.sweep(), incarnation)
    return nameless.size === 0
  }

  /**
   * Takes over what other spools of this name have left behind: those that were closed, whose process is dead, or whose
   * lease has run out. The entries come in the order in which they were written, those of older incarnations first.
   * What could not be read now comes with a later call.
   */
  async claim(): Promise<ClaimedEntry[]> {
    this.#admit()
    return this.#claim.claim()
  }

  /** Ends the lease: others may claim what is left, at once. Waits for the calls under way. */
  close(): Promise<void> {
    this.#closing ??= this.#leave()
    return this.#closing
  }

  async #leave(): Promise<void> {
    clearInterval(this.#renewal)
    const leave = (): Steps<void> => this.#incarnation.leave()
    await this.#queue.run(`close ${this.path}`, (overdue) => runAwaited(leave(), this.#fs.awaited, overdue))
  }

  #prepareWrite(name: string, body: Uint8Array, points: number): { of: Incarnation; steps: () => Steps<void> } {
    checkSlotName(name)
    const of = this.#admit()
    const slot = of.slots.get(name) ?? new Slot(of.path, ++this.#sequence)
    of.slots.set(name, slot)
    // Given at the call: of two writes under way the later call has the higher one.
    const generation = ++this.#generation
    slot.asked = generation
    const checkRoom = () => this.#checkRoom(HEADER_BYTES + body.length - slot.contentBytes, of.path)
    return {
      of,
      *steps() {
        try {
          checkRoom()
          yield* slot.store(name, generation, body, points)
        } catch (error) {
          if (!slot.isStored && slot.asked === generation) of.forget(name, slot)
          throw error
        }
      },
    }
  }

  /** @throws what nobody has been told yet, or that the spool is closed */
  #admit(): Incarnation {
    if (this.#closing !== undefined) throw new SpoolError('use', this.path, 'the spool is closed', { code: 'CLOSED' })
    const untold = this.#untold
    this.#untold = undefined
    if (untold !== undefined) throw untold
    return this.#incarnation
  }

  #checkRoom(more: number, path: string): void {
    if (more <= 0 || this.bytes + more <= this.#maxBytes) return
    const reason = `${more} bytes more than the ${this.bytes} there would exceed the ${this.#maxBytes} bytes it may take`
    throw new SpoolError('write', path, reason, { code: 'SPOOL_FULL' })
  }

  #run<T>(operation: string, steps: () => Steps<T>, of = this.#incarnation): Promise<T> {
    return this.#queue.run(`${operation} ${of.path}`, (overdue) =>
      runAwaited(this.#within(of, steps), this.#fs.awaited, overdue),
    )
  }

  /** Runs steps in the directory of an incarnation, and finds out whether it is gone. */
  *#within<T>(of: Incarnation, steps: () => Steps<T>): Steps<T> {
    try {
      if (of.taken !== undefined) throw of.taken
      yield* of.establish(this.#now())
      return yield* steps()
    } catch (error) {
      if (codeOf(error) === 'ENOENT' && (yield* of.isGone())) this.#moveOut(of)
      if (of.taken === undefined) throw error
      this.#untold = undefined
      throw of.taken
    }
  }

  #moveOut(of: Incarnation): void {
    of.markTaken()
    if (this.#incarnation === of) this.#incarnation = this.#newIncarnation()
  }

  #newIncarnation(): Incarnation {
    return new Incarnation(this.#parent, this.#identity, this.#now())
  }

  async #renew(incarnation: Incarnation): Promise<void> {
    await this.#run('renew', () => incarnation.renew(this.#now()), incarnation)
  }

  #renewInTime(): void {
    this.#jumps?.look()
    if (this.#renewing) return
    this.#renewing = true
    this.#renew(this.#incarnation)
      .catch((error) => {
        if (error instanceof SpoolTakenError) this.#untold = error
        this.#report(error)
      })
      .finally(() => {
        this.#renewing = false
      })
  }

  #report(error: unknown): void {
    try {
      this.#onProblem(error instanceof Error ? error : new Error(String(error)))
    } catch {
      // A listener that throws must not stop what it listens to.
    }
  }
}
