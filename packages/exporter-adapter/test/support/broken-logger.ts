import { DiagLogLevel, diag } from '@opentelemetry/api'

// With SLUICE_LOGGER=throws every test file runs with a logger that fails at every line of ours, by throwing and by rejecting
// in turn. Those of the API and the SDK are for them to mind. Tests that look at lines have a logger of their own.

let rejects = false

function fail(message: string): Promise<never> | undefined {
  if (!message.startsWith('sluice')) return undefined
  rejects = !rejects
  const error = new Error('the logger is broken')
  if (rejects) return Promise.reject(error)
  throw error
}

function breakLogger(): void {
  const logger = { error: fail, warn: fail, info: fail, debug: fail, verbose: fail }
  diag.setLogger(logger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true })
}

if (process.env.SLUICE_LOGGER === 'throws') {
  const { disable } = diag
  // Silence would hide what is to be seen.
  diag.disable = () => {
    disable()
    breakLogger()
  }
  breakLogger()
}
