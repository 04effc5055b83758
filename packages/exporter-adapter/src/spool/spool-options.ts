import type { SpoolFs } from './file-calls.ts'
import type { ProcessIdentity } from './identity.ts'

export interface SpoolOptions {
  /** Created with what is missing above it. May be shared by any number of processes and names, also of several hosts. */
  readonly directory: string
  /** Whose entries these are: only spools of the same name claim each other's. Any text. */
  readonly name: string
  /** What the entries of this spool, with those it has claimed, may take on disk, in bytes. Default 256 MiB. */
  readonly maxBytes?: number
  /**
   * Told of what goes wrong where no call can reject: renewals, and directories and entries that cannot be claimed now.
   * May be told the same again and again.
   */
  readonly onProblem?: (error: Error) => void
  readonly fs?: SpoolFs
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
  /** Default: that of this process. */
  readonly identity?: ProcessIdentity
}

export const DEFAULT_MAX_BYTES = 256 * 2 ** 20
