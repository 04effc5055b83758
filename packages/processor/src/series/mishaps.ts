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

/** Short and safe, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'object' || typeof value === 'function')
    return value === null ? 'null' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
  // The digits of a long one take for ever.
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? `${value}n` : 'a bigint'
  return String(value).slice(0, 40)
}
