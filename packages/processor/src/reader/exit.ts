import { within } from '../core/deadline.ts'
import { report } from '../series/report.ts'

/** What the end of the process asks of a reader. */
export interface EndingReader {
  /** Delivers what it can. */
  flush(timeoutMillis: number): Promise<void>
  /** Delivers what it can, makes the rest outlive the process, and is over. */
  shutdown(timeoutMillis: number): Promise<void>
  /** Makes everything outlive the process, synchronously; says what is lost. Does nothing once it is over. */
  saveAtOnce(): void
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']

/** Tells listeners of Sluice, of whatever copy of it, from those of the application. */
const OURS = Symbol.for('otel-sluice.exit')

/** Whether the last shutdown of some reader has failed or was not done in time, so that its exporter may go on. */
let isCutShort = false

/** What a shutdown may overrun its deadline by, in ms, before the process ends without it. */
const GRACE_MILLIS = 500

/**
 * The ends of a process, none of which it changes: exit codes, signals and the application's handlers stay what they are.
 *
 * - A signal that only Sluice listens to: shutdown, then the same signal again with nobody listening. A second such signal
 *   does not wait for the shutdown.
 * - A signal that the application listens to as well: a flush, each time, and the end is up to the application.
 * - The same where the process is PID 1, handled or not: Linux keeps a signal that nobody listens to from it. Raised
 *   again it would end nothing, and the metrics would be over in a process that lives on, as it does without Sluice.
 * - Natural exit (`beforeExit`): shutdown, once. What is alive when that has failed was begun by exporters, whose own retries
 *   may go on for many seconds more: the process ends without them, unless the application listens as well.
 * - `exit`, which is all that `process.exit()`, uncaught exceptions and unhandled rejections leave: nothing asynchronous
 *   runs any more, so everything is saved synchronously. Exceptions are not listened to: that would swallow them.
 */
export class Exit {
  readonly #reader: EndingReader
  readonly #timeoutMillis: number
  #isEnding = false
  #hasSaidItGoesOn = false
  readonly #onSignal = Object.assign((signal: NodeJS.Signals) => this.#signalled(signal), { [OURS]: true })
  readonly #onBeforeExit = Object.assign(() => void this.#endNaturally(), { [OURS]: true })
  readonly #onExit = () => this.#reader.saveAtOnce()

  constructor(reader: EndingReader, timeoutMillis: number) {
    this.#reader = reader
    this.#timeoutMillis = timeoutMillis
  }

  watch(): void {
    // Before the application's: a listener that is called once is gone when it has been called, and would not be seen.
    for (const signal of SIGNALS) process.prependListener(signal, this.#onSignal)
    process.prependListener('beforeExit', this.#onBeforeExit)
    process.once('exit', this.#onExit)
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
    process.off('beforeExit', this.#onBeforeExit)
    process.off('exit', this.#onExit)
  }

  #signalled(signal: NodeJS.Signals): void {
    const isHandled = process.listeners(signal).some((listener) => !(OURS in listener))
    if (isHandled || process.pid === 1) {
      if (!isHandled) this.#sayThatItGoesOn(signal)
      // Each time: what has been recorded since an earlier signal, that ended nothing, is not in its flush.
      if (!this.#isEnding) void this.#settle(this.#reader.flush(this.#timeoutMillis))
    } else if (this.#isEnding) {
      this.#endBy(signal)
    } else {
      this.#isEnding = true
      void this.#shutDown().then(() => this.#endBy(signal))
    }
  }

  #sayThatItGoesOn(signal: NodeJS.Signals): void {
    if (this.#hasSaidItGoesOn) return
    this.#hasSaidItGoesOn = true
    report('warn', `sluice: ${signal} ends PID 1 only if the application listens to it: flushed, and metrics go on`)
  }

  async #endNaturally(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    const isHandled = process.listeners('beforeExit').some((listener) => !(OURS in listener))
    if (!(await this.#shutDown())) isCutShort = true
    this.release()
    // Another reader may not be done yet: the last one ends the process.
    if (isCutShort && !isHandled && process.listenerCount('beforeExit') === 0) process.exit()
  }

  /** Resolves to whether everything was delivered in time. */
  async #shutDown(): Promise<boolean> {
    // One that the application has begun may have no deadline.
    const done = this.#settle(this.#reader.shutdown(this.#timeoutMillis))
    return (await within(done, this.#timeoutMillis + GRACE_MILLIS)) === true
  }

  async #settle(done: Promise<void>): Promise<boolean> {
    try {
      await done
      return true
    } catch (error) {
      report('error', `sluice: the process ends: ${error instanceof Error ? error.message : String(error)}`)
      return false
    }
  }

  #endBy(signal: NodeJS.Signals): void {
    this.#reader.saveAtOnce()
    this.release()
    // Another reader may not be done yet: the last one ends the process.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
}
