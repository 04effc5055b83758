import type { Attributes } from '@opentelemetry/api'
import type { UnixMicros } from '../core/clock.ts'

/** One measurement as an example of those in a point (OTel spec, metrics SDK, "Exemplar"). */
export interface Exemplar {
  readonly value: number
  readonly timeUnixMicros: UnixMicros
  /** Of the span that was active; both are missing where none was. */
  readonly traceId?: string
  readonly spanId?: string
  /** Those that the series does not have. */
  readonly filteredAttributes: Attributes
}

/**
 * Keeps a fixed number of examples of one series (OTel spec, metrics SDK, "ExemplarReservoir"): the latest in each bucket
 * of an explicit histogram, else an even sample of all.
 */
export class ExemplarReservoir {
  readonly #slots: (Exemplar | undefined)[]
  #offered = 0

  /** @param size one for a sum or gauge, else as many as there are buckets */
  constructor(size: number) {
    this.#slots = new Array<Exemplar | undefined>(size).fill(undefined)
  }

  get exemplars(): readonly Exemplar[] {
    return this.#slots.filter((exemplar) => exemplar !== undefined)
  }

  /** Where an offer of an even sample goes; -1 if it is not taken. Algorithm R (Vitter 1985). */
  nextSlot(): number {
    const size = this.#slots.length
    const slot = this.#offered < size ? this.#offered : Math.floor(Math.random() * (this.#offered + 1))
    this.#offered++
    return slot < size ? slot : -1
  }

  put(slot: number, exemplar: Exemplar): void {
    this.#slots[slot] = exemplar
  }

  /** One of the same size. */
  empty(): ExemplarReservoir {
    return new ExemplarReservoir(this.#slots.length)
  }

  /**
   * Takes over what another one of the same size has.
   *
   * @param latestUnixMicros none is later: one that says so was recorded before the clock was set back
   */
  take(other: ExemplarReservoir, latestUnixMicros: UnixMicros): void {
    other.#slots.forEach((exemplar, slot) => {
      if (exemplar === undefined) return
      const isInTime = exemplar.timeUnixMicros <= latestUnixMicros
      this.#slots[slot] = isInTime ? exemplar : { ...exemplar, timeUnixMicros: latestUnixMicros }
    })
  }
}
