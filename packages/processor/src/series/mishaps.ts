import { shown } from '../core/describe.ts'
import { report } from './report.ts'

/** Characters of a name, in messages. */
const MOST_SHOWN = 256

/** What was wrong with measurements of one instrument: all are counted, and each cause is reported once. */
export class Mishaps {
  readonly #instrument: string
  readonly #reported = new Set<string>()
  readonly #onDropped: () => void

  /**
   * @param instrument what names it in messages
   * @param onDropped called for each measurement that is dropped
   */
  constructor(instrument: string, onDropped = () => {}) {
    this.#instrument = instrument.length > MOST_SHOWN ? `${instrument.slice(0, MOST_SHOWN)}…` : instrument
    this.#onDropped = onDropped
  }

  /** A measurement is dropped. */
  dropped(cause: string, value: unknown): void {
    this.#onDropped()
    this.#report(cause, `${cause}, got ${shown(value)}: such measurements are dropped`)
  }

  /** A measurement is recorded in another way than it was meant. */
  mended(cause: string, value: unknown, mending: string): void {
    this.#report(cause, `${cause}, got ${shown(value)}: ${mending}`)
  }

  /** Something else is not as it was meant. */
  told(cause: string): void {
    this.#report(cause, cause)
  }

  #report(cause: string, message: string): void {
    if (this.#reported.has(cause)) return
    this.#reported.add(cause)
    report('warn', `sluice: ${this.#instrument}: ${message} (reported once)`)
  }
}
