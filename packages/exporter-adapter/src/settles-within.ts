/** `setTimeout` takes a 32-bit number and fires at once beyond it. */
export const LONGEST_TIMER_MILLIS = 2 ** 31 - 1

/**
 * Whether `promise` settles within `millis`. The promise goes on either way, and the timer never keeps the process alive.
 *
 * @throws what the promise rejects with, in time
 */
export async function settlesWithin(promise: Promise<unknown>, millis: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.min(millis, LONGEST_TIMER_MILLIS), false)
    timer.unref()
  })
  try {
    return await Promise.race([promise.then(() => true), timeUp])
  } finally {
    clearTimeout(timer)
  }
}
