import { LONGEST_TIMER_MILLIS } from '../settles-within.ts'

/** Wakes those who wait until something has changed. A wait never keeps the process alive, and leaves nothing behind. */
export class Signal {
  readonly #wakes = new Set<() => void>()

  /** To be called after every change that somebody may wait for. */
  notify(): void {
    for (const wake of [...this.#wakes]) wake()
  }

  /** Resolves when `isTrue` is, or when the time is up; to whether it is. Asked now, at every change and at the end. */
  async until(isTrue: () => boolean, millis: number): Promise<boolean> {
    if (isTrue()) return true
    if (!(millis > 0)) return false
    return new Promise((resolve) => {
      const wake = (): void => {
        if (isTrue()) end(true)
      }
      const end = (result: boolean): void => {
        clearTimeout(timer)
        this.#wakes.delete(wake)
        resolve(result)
      }
      const timer = setTimeout(() => end(isTrue()), Math.min(millis, LONGEST_TIMER_MILLIS))
      timer.unref()
      this.#wakes.add(wake)
    })
  }
}
