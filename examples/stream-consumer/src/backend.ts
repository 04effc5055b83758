import { setImmediate as step } from 'node:timers/promises'
import { addTo, type Totals } from './totals.ts'

/** One value on its way to the backend. */
export interface Point {
  readonly metric: string
  readonly value: number
  /** The time it covers, where the sender says so: only then can a point that comes twice be told from two points. */
  readonly window?: string
}

/** A metrics backend at the end of a network: every call takes a while, and some fail before anything was taken in. */
export class Backend {
  /** Everything taken in, added up. */
  readonly arrived: Totals = new Map()
  /** The part of it that had been taken in before, as far as windows show it. */
  readonly repeated: Totals = new Map()
  calls = 0
  failedCalls = 0
  readonly #windows = new Set<string>()
  readonly #random: () => number
  readonly #failureRate: number

  /** @param failureRate share of the calls that fail, from 0 up to 1 */
  constructor(random: () => number, failureRate: number) {
    this.#random = random
    this.#failureRate = failureRate
  }

  increment(metric: string, value: number): Promise<void> {
    return this.send([{ metric, value }])
  }

  timing(metric: string, millis: number): Promise<void> {
    return this.send([{ metric, value: millis }])
  }

  /** @throws Error with the code ECONNREFUSED, which says that nothing was taken in */
  async send(points: readonly Point[]): Promise<void> {
    this.calls++
    for (let steps = 1 + Math.floor(this.#random() * 3); steps > 0; steps--) await step()
    if (this.#random() < this.#failureRate) {
      this.failedCalls++
      throw Object.assign(new Error('the backend refused the connection'), { code: 'ECONNREFUSED' })
    }
    for (const point of points) this.#take(point)
  }

  #take({ metric, value, window }: Point): void {
    addTo(this.arrived, metric, value)
    if (window === undefined) return
    const key = `${metric} ${window}`
    if (this.#windows.has(key)) addTo(this.repeated, metric, value)
    this.#windows.add(key)
  }
}
