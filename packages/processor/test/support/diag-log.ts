import { DiagLogLevel, diag } from '@opentelemetry/api'

/** Collects what is said through `diag` until the next call, which `onLine` hears of first. */
export function diagLog(onLine = () => {}): string[] {
  const lines: string[] = []
  const write =
    (level: string) =>
    (...parts: unknown[]) => {
      onLine()
      lines.push(`${level} ${parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ')}`)
    }
  const [error, warn, info, debug] = ['error', 'warn', 'info', 'debug'].map(write) as [never, never, never, never]
  diag.disable()
  diag.setLogger(
    { error, warn, info, debug, verbose: () => {} },
    { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
  )
  lines.length = 0
  return lines
}
