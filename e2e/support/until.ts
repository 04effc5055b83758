import { setTimeout as after } from 'node:timers/promises'

/**
 * Asks again and again until there is an answer.
 *
 * @param what is waited for, for the error
 * @param probe answers `undefined` while it is too early; what it throws counts as too early, too
 * @param deadlineMillis after which it is given up. Default 15 000: some scrapes of a busy machine.
 * @throws Error with what the last attempt threw as its cause
 */
export async function until<T>(what: string, probe: () => Promise<T | undefined>, deadlineMillis = 15_000): Promise<T> {
  const end = performance.now() + deadlineMillis
  let cause: unknown
  while (performance.now() < end) {
    try {
      const answer = await probe()
      if (answer !== undefined) return answer
      cause = undefined
    } catch (error) {
      cause = error
    }
    await after(50)
  }
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  throw new Error(`waited ${deadlineMillis} ms in vain for ${what}${because}`, { cause })
}
