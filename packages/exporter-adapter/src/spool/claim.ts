import { basename, join } from 'node:path'
import { ClaimedDirectory, type FoundEntry } from './claimed-directory.ts'
import { parseEntryFileName } from './file-names.ts'
import type { Incarnation } from './incarnation.ts'
import { SpoolError } from './spool-errors.ts'
import { attempt, type Steps } from './steps.ts'
import { flatten, othersBeside, setAside, takeOver } from './takeover.ts'

/** What another incarnation has written. It stays where it is until it is removed. */
export interface ClaimedEntry {
  /** By whom; sorts by time. */
  readonly incarnation: string
  /** The name of its slot when it was last written or renamed. */
  readonly slot: string
  readonly points: number
  /** @throws SpoolError, with the code `UNREADABLE` if it has rotted since it was claimed; SpoolTakenError */
  read(): Promise<Uint8Array>
  /** Removes it, durably. Twice is fine. */
  remove(): Promise<void>
  /** Moves it out of the way, for somebody to look at; resolves to where it is then. Twice is fine. */
  setAside(): Promise<string>
}

/** A file that could not be read, and where it is now. */
export interface UnreadableFile {
  readonly path: string
  /** The name of its slot. */
  readonly slot: string
  readonly reason: string
  /** What it counts for, if it could be told. */
  readonly points: number | undefined
}

/** What a claim needs of its spool. */
export interface ClaimHost {
  readonly maxBytes: number
  readonly now: () => number
  /** Whether the clock has jumped within the time of a lease. */
  readonly hasJumped: () => boolean
  /** The one that claims. */
  readonly incarnation: () => Incarnation
  /** Runs steps in the directory of an incarnation, in turn with whatever else the spool does. */
  readonly run: <T>(operation: string, steps: () => Steps<T>, of?: Incarnation) => Promise<T>
  readonly report: (error: unknown) => void
}

/**
 * Takes over what others have left, directory by directory, each step under its own deadline. It can fail anywhere: what
 * is taken and not yet handed out lies in our directory, where the next call finds it.
 */
export class Claim {
  readonly #host: ClaimHost
  readonly unreadable: UnreadableFile[] = []
  newerFiles = 0

  constructor(host: ClaimHost) {
    this.#host = host
  }

  async claim(): Promise<ClaimedEntry[]> {
    const { run, incarnation, now, hasJumped } = this.#host
    const into = incarnation()
    const within = <T>(steps: () => Steps<T>): Promise<T> => run('claim', steps, into)
    const candidates = await within(() => othersBeside(into))
    let newer = 0
    for (const name of candidates) {
      await this.#reporting(into, async () => {
        const takeover = await within(() => takeOver(into, name, now(), hasJumped()))
        if (takeover.type === 'newer') newer += takeover.files
      })
    }
    this.newerFiles = newer
    const claimed: ClaimedEntry[] = []
    for (const name of await within(() => flatten(into))) {
      await this.#reporting(into, async () => {
        const directory = into.claimed.get(name) ?? new ClaimedDirectory(join(into.path, name))
        into.claimed.set(name, directory)
        await within(() => this.#readIn(into, name, directory))
        claimed.push(...directory.takeFound().map((entry) => this.#entryOf(into, directory, entry)))
      })
    }
    return claimed
  }

  /** One directory that cannot be had now must not keep the others from being claimed. */
  async #reporting(into: Incarnation, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (into.taken !== undefined) throw error
      this.#host.report(error)
    }
  }

  *#readIn(into: Incarnation, name: string, directory: ClaimedDirectory): Steps<void> {
    const { maxBytes, report } = this.#host
    const { unreadable } = this
    yield* directory.readIn(function* (file, reason, points) {
      const path = yield* setAside(into, name, file, maxBytes)
      unreadable.push({ path, slot: parseEntryFileName(file)!.slot, reason, points })
      report(new SpoolError('claim', join(directory.path, file), `set aside: ${reason}`, { code: 'UNREADABLE' }))
    }, report)
    yield* this.#forgetIfDone(into, name, directory)
  }

  /** A directory that cannot be removed now is looked at again by the next claim. */
  *#forgetIfDone(of: Incarnation, name: string, directory: ClaimedDirectory): Steps<void> {
    yield* attempt(
      (function* () {
        if (yield* directory.removeIfDone()) of.claimed.delete(name)
      })(),
    )
  }

  #entryOf(of: Incarnation, directory: ClaimedDirectory, { slot, name, points }: FoundEntry): ClaimedEntry {
    const { run, maxBytes } = this.#host
    const incarnation = basename(directory.path)
    const forget = () => this.#forgetIfDone(of, incarnation, directory)
    let kept = ''
    return {
      incarnation,
      slot: name,
      points,
      read: () => run('read', () => slot.read(), of),
      remove: () => {
        return run(
          'remove',
          function* () {
            if (!directory.has(slot)) return
            yield* directory.remove(slot)
            yield* forget()
          },
          of,
        )
      },
      setAside: () =>
        run(
          'set aside',
          function* () {
            if (!directory.has(slot)) return kept
            kept = yield* directory.giveUp(slot, (file) => setAside(of, incarnation, file, maxBytes))
            yield* forget()
            return kept
          },
          of,
        ),
    }
  }
}
