import type { Backend } from './backend.ts'
import type { Message, MessageMetrics } from './consumer.ts'
import { NaiveBuffer } from './naive-buffer.ts'
import { addTo, type Totals } from './totals.ts'

/** The naive buffer in use, one flush at a time, with a record of what it sends twice. */
export class NaivePipeline implements MessageMetrics {
  readonly repeated: Totals = new Map()
  readonly #backend: Backend
  readonly #buffer: NaiveBuffer
  #lastFlush: Promise<boolean> = Promise.resolve(true)

  constructor(backend: Backend) {
    this.#backend = backend
    this.#buffer = new NaiveBuffer(backend)
  }

  record({ topic, millis }: Message): void {
    this.#buffer.increment(`messages.${topic}`, 1)
    this.#buffer.timing(`millis.${topic}`, millis)
  }

  flush(): Promise<boolean> {
    this.#lastFlush = this.#lastFlush.then(() => this.#flushNow())
    return this.#lastFlush
  }

  async #flushNow(): Promise<boolean> {
    const before = new Map(this.#backend.arrived)
    try {
      await this.#buffer.flush()
      return true
    } catch {
      // The buffer still holds what arrived in this flush before it threw, so the next one sends it again.
      for (const [metric, value] of this.#backend.arrived) {
        addTo(this.repeated, metric, value - (before.get(metric) ?? 0))
      }
      return false
    }
  }
}
