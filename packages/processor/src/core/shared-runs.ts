/**
 * Runs a task one at a time, so that every request is answered by a run that starts after it.
 *
 * Requests made before a run has begun share that run; requests made while one is under way share the next. Joining the
 * one under way would leave out whatever happened between its beginning and the request.
 */
export class SharedRuns<Result> {
  readonly #run: () => Promise<Result>
  #tail: Promise<unknown> = Promise.resolve()
  #unbegun: Promise<Result> | undefined
  #underWay = 0

  constructor(run: () => Promise<Result>) {
    this.#run = run
  }

  /** Whether a run, or work between runs, is under way or waiting. */
  get busy(): boolean {
    return this.#underWay > 0
  }

  /** Settles as the next run to begin settles. */
  request(): Promise<Result> {
    this.#unbegun ??= this.between(() => {
      this.#unbegun = undefined
      return this.#run()
    })
    return this.#unbegun
  }

  /** Does other work while no run is under way; runs requested meanwhile wait for it. */
  between<T>(work: () => T | Promise<T>): Promise<T> {
    this.#underWay++
    const done = this.#tail.then(work).finally(() => {
      this.#underWay--
    })
    this.#tail = done.then(ignore, ignore)
    return done
  }
}

function ignore(): void {}
