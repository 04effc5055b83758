import { diag } from '@opentelemetry/api'

/**
 * Tells the application's diagnostics; the only way in which either package does. A logger is the application's code: one
 * that throws, or rejects because it is async, costs its line and nothing else.
 */
export function report(
  level: 'error' | 'warn' | 'info' | 'debug',
  message: string,
  ...details: readonly unknown[]
): void {
  try {
    // Declared to return nothing; an async logger returns a promise, whose rejection would end the process.
    const returned: unknown = diag[level](message, ...details)
    if (typeof returned === 'object') Promise.resolve(returned).catch(() => {})
  } catch {
    // There is nobody left to tell.
  }
}
