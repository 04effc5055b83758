import { ValueType } from '@opentelemetry/api'
import { InstrumentType } from '@opentelemetry/sdk-metrics'
import type { Mishaps } from '../series/mishaps.ts'
import type { InstrumentDescriptor } from './instrument-descriptor.ts'

/** Decides about values as the SDK does, but that NaN is dropped: one would make a sum useless for ever. */
export class ValueCheck {
  readonly #mishaps: Mishaps
  readonly #mayBeNegative: boolean
  /** Whether fractions are cut off. */
  readonly isWhole: boolean

  constructor({ type, valueType }: InstrumentDescriptor, mishaps: Mishaps) {
    this.#mishaps = mishaps
    this.#mayBeNegative = type !== InstrumentType.COUNTER && type !== InstrumentType.HISTOGRAM
    this.isWhole = valueType === ValueType.INT
  }

  /** The value to record; NaN when there is none. */
  accept(value: unknown): number {
    if (typeof value !== 'number' || Number.isNaN(value)) {
      this.#mishaps.dropped('a value must be a number', value)
      return Number.NaN
    }
    if (value < 0 && !this.#mayBeNegative) {
      this.#mishaps.dropped('a value must not be negative', value)
      return Number.NaN
    }
    if (!this.isWhole || Number.isInteger(value)) return value
    if (!Number.isFinite(value)) {
      this.#mishaps.dropped('a value of type INT must be finite', value)
      return Number.NaN
    }
    this.#mishaps.mended('a value of type INT must be whole', value, 'the fraction is cut off')
    return Math.trunc(value)
  }
}
