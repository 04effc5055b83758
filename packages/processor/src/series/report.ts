import { diag } from '@opentelemetry/api'
import { ignoreRejection } from '../core/ignore-rejection.ts'

type Level = 'error' | 'warn' | 'info' | 'debug'

interface Line {
  readonly level: Level
  readonly message: string
  readonly details: readonly unknown[]
}

/** Lines that wait for the end of the work that they are about; undefined where there is none. */
let waiting: Line[] | undefined

/**
 * Tells the application's diagnostics; the only way in which either package does. A logger is the application's code: one
 * that throws, or rejects because it is async, costs its line and nothing else.
 */
export function report(level: Level, message: string, ...details: readonly unknown[]): void {
  const line = { level, message, details }
  if (waiting === undefined) tell(line)
  else waiting.push(line)
}

/**
 * Does some work, and hands its lines to the logger after it: one that ends the process must not do so in the middle of the
 * work. Where that is within such work already, they wait for that.
 */
export function reportAfter<T>(work: () => T): T {
  if (waiting !== undefined) return work()
  waiting = []
  try {
    return work()
  } finally {
    tellWaiting()
  }
}

/** Hands over the lines of work that never came to its end, because the application ended the process from within it. */
export function tellWaiting(): void {
  const lines = waiting ?? []
  waiting = undefined
  for (const line of lines) tell(line)
}

function tell({ level, message, details }: Line): void {
  try {
    // Declared to return nothing; an async logger returns a promise.
    ignoreRejection(diag[level](message, ...details) as unknown)
  } catch {
    // There is nobody left to tell.
  }
}
