import { diag } from '@opentelemetry/api'

/** Tells the application's diagnostics. A logger of its own that throws must not cost data. */
export function report(level: 'error' | 'warn', message: string, ...errors: readonly unknown[]): void {
  try {
    diag[level](message, ...errors)
  } catch {
    // There is nobody left to tell.
  }
}
