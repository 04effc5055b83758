import { messageOf } from '../core/describe.ts'

/** For what needs the SDK behind the reader. */
export function notRegistered(call: string): Error {
  return new Error(
    `BufferingMetricReader: ${call}() on a reader that is not registered; pass it to new MeterProvider({ readers: [reader] }) first`,
  )
}

/** What a call has left undone, in words, with everything that went wrong. */
export function failed(call: string, what: string | undefined, failures: readonly unknown[]): AggregateError {
  const reasons = failures.map(messageOf).join('; ')
  const message = [`BufferingMetricReader: ${call} ${what ?? 'failed'}`, reasons]
    .filter((part) => part !== '')
    .join(': ')
  return new AggregateError(failures, message)
}
