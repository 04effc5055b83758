/** What went wrong, at which path, in which operation. `code` is that of the system, such as `ENOSPC`, or one of ours. */
export class SpoolError extends Error {
  override readonly name: string = 'SpoolError'
  readonly code: string | undefined
  /** The system call, or the method of the spool. */
  readonly operation: string
  readonly path: string

  constructor(operation: string, path: string, reason: string, options: { code?: string; cause?: unknown } = {}) {
    super(`spool: ${operation} ${path}: ${reason}`, 'cause' in options ? { cause: options.cause } : undefined)
    this.operation = operation
    this.path = path
    this.code = options.code
  }
}

/**
 * The directory of this spool is gone: its lease had run out because the process stood still, and another process took it
 * over, or somebody deleted it. The spool goes on in a fresh directory, with nothing in it.
 *
 * What was written durably under `slots` is in the hands of the other process, which delivers it: whoever delivers it
 * here, too, delivers it twice. A write that fails with this error may have gone along, or not.
 */
export class SpoolTakenError extends Error {
  override readonly name = 'SpoolTakenError'
  readonly path: string
  readonly slots: readonly string[]

  constructor(path: string, slots: readonly string[]) {
    super(
      `spool: ${path} was taken over by another process, or deleted, with ${slots.length} slots (${slots.join(', ')})`,
    )
    this.path = path
    this.slots = slots
  }
}

/** The `code` of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
