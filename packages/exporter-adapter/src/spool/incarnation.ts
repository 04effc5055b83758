import { dirname, join } from 'node:path'
import type { ClaimedDirectory } from './claimed-directory.ts'
import { makeDirectory, requireDirectory, requirePrivateDirectory, syncDirectory } from './durable-file.ts'
import { incarnationName } from './file-names.ts'
import type { ProcessIdentity } from './identity.ts'
import { endLease, removeLease, renewLease, takeLease } from './lease.ts'
import type { Slot } from './slot.ts'
import { codeOf, SpoolTakenError } from './spool-errors.ts'
import { attempt, call, type Steps } from './steps.ts'

/**
 * The directory of one spool for as long as nobody takes it away, and what lies in it. The directory has a name that was
 * never used before and never will be: one that is gone stays gone.
 */
export class Incarnation {
  readonly path: string
  readonly identity: ProcessIdentity
  /** By name. Says at any time what all calls so far, done or not, will have made of it. */
  readonly slots = new Map<string, Slot>()
  /** Slots to be removed, and others that hold nothing but take space still. */
  readonly nameless = new Set<Slot>()
  readonly claimed = new Map<string, ClaimedDirectory>()
  /** Set when another process has taken the directory over. */
  taken: SpoolTakenError | undefined
  #established = false

  constructor(parent: string, identity: ProcessIdentity, now: number) {
    this.path = join(parent, incarnationName(now, identity.pid))
    this.identity = identity
  }

  get parent(): string {
    return dirname(this.path)
  }

  /** Bytes of all entries, with those that were claimed. */
  get bytes(): number {
    let sum = 0
    for (const slot of this.slots.values()) sum += slot.bytes
    for (const slot of this.nameless) sum += slot.bytes
    for (const directory of this.claimed.values()) sum += directory.bytes
    return sum
  }

  /** Creates the directory, durably, and takes its lease. Can be tried again when it failed. */
  *establish(now: number): Steps<void> {
    if (this.#established) return
    yield* makeDirectory(dirname(this.parent))
    yield* requireDirectory(dirname(this.parent))
    yield* makeDirectory(this.parent)
    yield* requirePrivateDirectory(this.parent)
    yield* makeDirectory(this.path)
    yield* requirePrivateDirectory(this.path)
    // An earlier attempt may have made the directory and failed to make it durable.
    yield* syncDirectory(this.parent)
    yield* takeLease(this.path, this.identity, now)
    this.#established = true
  }

  /** A slot that holds nothing, though something of a failed write may be left. */
  forget(name: string, slot: Slot): void {
    if (this.slots.get(name) === slot) this.slots.delete(name)
    if (slot.bytes > 0) this.nameless.add(slot)
  }

  *renew(now: number): Steps<void> {
    yield* renewLease(this.path, now)
    yield* this.sweep()
  }

  /** Removes what failed writes and removals have left, as far as that can be done. */
  *sweep(): Steps<void> {
    for (const slot of [...this.nameless]) {
      if (yield* attempt(slot.remove())) this.nameless.delete(slot)
    }
  }

  /** Ends the lease: what is in the directory may be claimed from now on. An empty directory goes. */
  *leave(): Steps<void> {
    if (!this.#established || (yield* this.isGone())) return
    if (this.bytes > 0) return yield* endLease(this.path)
    yield* removeLease(this.path)
    if (!(yield* attempt(call('rmdir', this.path)))) {
      // Something is in it that we do not know. Whoever claims it will look.
      yield* call('touch', this.path, 0)
    }
  }

  /** Whether it was there and is not any more. */
  *isGone(): Steps<boolean> {
    if (!this.#established) return false
    try {
      yield* call('lstat', this.path)
      return false
    } catch (error) {
      return codeOf(error) === 'ENOENT'
    }
  }

  /** What went with it is the business of others from now on. */
  markTaken(): SpoolTakenError {
    if (this.taken === undefined) {
      const names = [...this.slots.values(), ...this.nameless].flatMap((slot) => slot.storedName ?? [])
      this.taken = new SpoolTakenError(this.path, [...new Set(names)].sort())
    }
    return this.taken
  }
}
