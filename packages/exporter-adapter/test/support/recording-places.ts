/** Everywhere in a pipeline where code that is not ours runs, and between two slices of a drain. */
export const PLACES = [
  'an observable callback',
  'an observable callback, after an await',
  'an attributes processor of a view',
  'a getter of an attribute',
  'testMetric of a filter',
  'processMetric',
  'processAttributes',
  'absorb of an adapter',
  'export of an exporter',
  'an exporter, before it answers',
  'between two slices of a drain',
  'a diag logger',
] as const
export type Place = (typeof PLACES)[number]

export interface Measurement {
  readonly place: Place
  readonly instrument: number
  readonly value: number
  readonly n: number
}

/** Keeps measurements until their place is reached, and makes one of them each time it is. */
export class RecordingPlaces {
  readonly reached = new Map<Place, number>()
  readonly #waiting = new Map<Place, Measurement[]>()
  readonly #record: (measurement: Measurement) => void

  constructor(measurements: readonly Measurement[], record: (measurement: Measurement) => void) {
    for (const measurement of measurements) {
      this.#waiting.set(measurement.place, [...(this.#waiting.get(measurement.place) ?? []), measurement])
    }
    this.#record = record
  }

  /** To be called in a place. */
  here(place: Place): void {
    const measurement = this.#waiting.get(place)?.shift()
    if (measurement === undefined) return
    this.reached.set(place, (this.reached.get(place) ?? 0) + 1)
    this.#record(measurement)
  }

  /** From now on nothing is recorded anywhere. */
  clear(): void {
    this.#waiting.clear()
  }
}
