import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import type { AwaitedFileCalls, FileCalls } from './file-calls.ts'
import { codeOf, SpoolError } from './spool-errors.ts'

/**
 * A protocol on files, written once and run either way: it yields each call that it wants made, and is handed the result.
 * `runBlocking` makes the calls at once (for the end of the process), `runAwaited` waits for each without blocking.
 *
 * INVARIANT: between two calls of an awaited protocol a blocking one may run from start to end. What a protocol relies on
 * is read again after each call.
 */
export type Steps<T> = Generator<Step, T, unknown>

type Call = {
  [K in keyof FileCalls]: { readonly name: K; readonly args: Parameters<FileCalls[K]> }
}[keyof FileCalls]

/** One call, or a place where long work lets the event loop have its turn. */
export type Step = Call | 'pause'

/** One call as a step; rejects with a {@link SpoolError}. */
export function* call<K extends keyof FileCalls>(
  name: K,
  ...args: Parameters<FileCalls[K]>
): Steps<ReturnType<FileCalls[K]>> {
  return (yield { name, args } as Call) as ReturnType<FileCalls[K]>
}

/** Whether the steps succeeded: for what is tidied up on the way, and tried again later when it failed. */
export function* attempt(steps: Steps<unknown>): Steps<boolean> {
  try {
    yield* steps
    return true
  } catch {
    return false
  }
}

export function runBlocking<T>(steps: Steps<T>, calls: FileCalls): T {
  let next = steps.next()
  while (!next.done) {
    const step = next.value
    let result: unknown
    try {
      result = step === 'pause' ? undefined : make(step, calls)
    } catch (error) {
      next = steps.throw(failureOf(step, error))
      continue
    }
    next = steps.next(result)
  }
  return next.value
}

/**
 * @param abandoned Why the steps shall stop, once they shall. They stop before their next call, and tidy up. A file is
 *   closed in any case.
 */
export async function runAwaited<T>(
  steps: Steps<T>,
  calls: AwaitedFileCalls,
  abandoned: () => Error | undefined = () => undefined,
): Promise<T> {
  let stopped = false
  let next = steps.next()
  while (!next.done) {
    const step = next.value
    const reason = stopped ? undefined : abandoned()
    if (reason !== undefined && (step === 'pause' || step.name !== 'close')) {
      stopped = true
      next = steps.throw(reason)
      continue
    }
    let result: unknown
    try {
      result = await (step === 'pause' ? eventLoopTurn() : make(step, calls))
    } catch (error) {
      next = steps.throw(failureOf(step, error))
      continue
    }
    next = steps.next(result)
  }
  return next.value
}

function make(step: Call, calls: FileCalls | AwaitedFileCalls): unknown {
  return (calls[step.name] as (...args: readonly unknown[]) => unknown)(...step.args)
}

function failureOf(step: Step, cause: unknown): unknown {
  if (step === 'pause') return cause
  const [subject] = step.args
  const path = typeof subject === 'string' ? subject : subject.path
  const reason = cause instanceof Error ? cause.message : String(cause)
  const code = codeOf(cause)
  return new SpoolError(step.name, path, reason, { cause, ...(code === undefined ? {} : { code }) })
}
