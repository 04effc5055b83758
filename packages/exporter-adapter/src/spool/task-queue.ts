/** A disk that has not answered for so long is not waited for. */
export const DEADLINE_MILLIS = 30_000

/**
 * One task after the other, and none is waited for longer than DEADLINE_MILLIS after it was asked for. A task that is too
 * late is told to stop; the next one starts when it has, since the call it hangs in cannot be taken back.
 */
export class TaskQueue {
  #tail: Promise<void> = Promise.resolve()

  /**
   * @param what For the message, such as `write /path`
   * @param task Given a function that says why it shall stop, once it shall
   */
  run<T>(what: string, task: (overdue: () => Error | undefined) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let overdue: Error | undefined
      const timer = setTimeout(() => {
        overdue = new Error(`spool: ${what}: not done after ${DEADLINE_MILLIS} ms`)
        reject(overdue)
      }, DEADLINE_MILLIS)
      timer.unref()
      this.#tail = this.#tail.then(async () => {
        try {
          if (overdue === undefined) resolve(await task(() => overdue))
        } catch (error) {
          reject(error)
        } finally {
          clearTimeout(timer)
        }
      })
    })
  }
}
