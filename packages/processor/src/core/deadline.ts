/** What {@link within} resolves to when the time was up first. */
export const TIMED_OUT: unique symbol = Symbol('timed out')

/**
 * Waits for `promise`, but no longer than `millis`. The promise goes on either way; when the time is up its later
 * rejection is not reported as unhandled, for whoever cares about it has a handler of their own.
 *
 * The timer never keeps the process alive.
 */
export async function within<T>(promise: Promise<T>, millis: number): Promise<T | typeof TIMED_OUT> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeUp = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(resolve, Math.min(millis, LONGEST_TIMER_MILLIS), TIMED_OUT)
    timer.unref()
  })
  try {
    return await Promise.race([promise, timeUp])
  } finally {
    clearTimeout(timer)
  }
}

/** `setTimeout` takes a 32-bit number and fires at once beyond it. */
export const LONGEST_TIMER_MILLIS = 2 ** 31 - 1

/**
 * What a caller has given as a time-out, in ms, no longer than timers can wait, and `undefined` where it is none. NaN or a
 * text would be a deadline that is over at once, or one that never comes.
 */
export function timeoutOf(given: unknown): number | undefined {
  return typeof given === 'number' && !Number.isNaN(given) ? Math.min(given, LONGEST_TIMER_MILLIS) : undefined
}
