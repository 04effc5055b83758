import { SeenKeys } from '../core/seen-keys.ts'

/**
 * What was observed last of each attribute set of one stream: what is observed is a sum since some start, and only what it
 * has grown by is recorded.
 *
 * Sets are those that were observed, before a view makes some of them equal. Which callback observed one does not matter,
 * so that it may be another one the next time; no two are to observe the same set (OTel spec, metrics API, "Asynchronous
 * Instrument API").
 *
 * It is bounded: a set is remembered until a number of others were observed after it, and for as long as it is observed in
 * every turn. That it was there at all is remembered for half a million sets more ({@link SeenKeys}). Should it come back,
 * it goes on from where it is then: too little is counted, by what was added meanwhile, and nothing is counted twice.
 */
export class ObservedSums {
  #recent = new Map<string, number>()
  #earlier = new Map<string, number>()
  readonly #forgotten = new SeenKeys()
  #generation = 0

  /**
   * Comes before the observations of one run of a callback.
   *
   * @param generation number of the one that it is recorded into: what was observed in it or in the one before is kept
   * @param enough how many others have to be observed before a set may be forgotten
   */
  begin(generation: number, enough: number): void {
    if (generation === this.#generation) return
    this.#generation = generation
    if (this.#recent.size < enough) return
    for (const key of this.#earlier.keys()) this.#forgotten.add(key)
    this.#earlier = this.#recent
    this.#recent = new Map()
  }

  /**
   * Takes down what is observed of a set.
   *
   * @param key of its attributes, see {@link attributeKey}
   * @returns what was observed of it before: 0 of a new one, undefined where that is forgotten
   */
  replace(key: string, value: number): number | undefined {
    const last = this.#recent.get(key) ?? this.#takeEarlier(key) ?? (this.#forgotten.has(key) ? undefined : 0)
    this.#recent.set(key, value)
    return last
  }

  #takeEarlier(key: string): number | undefined {
    const last = this.#earlier.get(key)
    if (last !== undefined) this.#earlier.delete(key)
    return last
  }
}
