import {
  constants,
  monitorEventLoopDelay,
  type NodeGCPerformanceDetail,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

/** The instrumentation keeps quiet about the event loop below 5; its clock is not ours. */
const ENOUGH_SAMPLES = 10
const SAMPLE_MILLIS = 10

/**
 * Sees to it that there is something to report of the runtime. To be made after the instrumentation: what is seen here, it
 * has seen before.
 */
export class RuntimeActivity {
  readonly #seen = new Set<number>()
  readonly #loop = monitorEventLoopDelay({ resolution: SAMPLE_MILLIS })

  constructor() {
    this.#loop.enable()
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#seen.add(kindOf(entry))
    }).observe({ entryTypes: ['gc'] })
  }

  /** Resolves when garbage was collected in both ways, and the event loop sampled often enough, since the call. */
  async happen(): Promise<void> {
    if (globalThis.gc === undefined) throw new Error('the service needs --expose-gc')
    this.#seen.clear()
    this.#loop.reset()
    globalThis.gc({ type: 'minor' })
    globalThis.gc()
    const { NODE_PERFORMANCE_GC_MINOR: minor, NODE_PERFORMANCE_GC_MAJOR: major } = constants
    while (!(this.#seen.has(minor) && this.#seen.has(major) && this.#loop.count >= ENOUGH_SAMPLES)) {
      await delay(SAMPLE_MILLIS)
    }
  }
}

function kindOf(entry: PerformanceEntry): number {
  return (entry as PerformanceEntry & { readonly detail: NodeGCPerformanceDetail }).detail.kind
}
