import { shown } from '../core/describe.ts'
import { report } from '../series/report.ts'

/** What was wrong with measurements of one instrument: all are counted, and each cause is reported once. */
export class Mishaps {
  readonly #instrument: string
  readonly #reported = new Set<string>()
  readonly #onDropped: () => void

  /** @param onDropped called for each measurement that is dropped */
  constructor(instrument: string, onDropped: () => void) {
    this.#instrument = instrument
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

  #report(cause: string, message: string): void {
    if (this.#reported.has(cause)) return
    this.#reported.add(cause)
    report('warn', `sluice: ${this.#instrument}: ${message} (reported once)`)
  }
}
