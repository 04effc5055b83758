import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Observable,
  ObservableCallback,
} from '@opentelemetry/api'
import { shown } from '../core/describe.ts'
import { type CollectionCounts, CollectionSource } from '../pipeline/collection-source.ts'
import type { AttributeCheck } from '../series/attribute-check.ts'
import { attributeKey } from '../series/attribute-key.ts'
import type { Generations } from '../series/generations.ts'
import { report } from '../series/report.ts'
import type { Observation, ObservedStream } from './observed-stream.ts'
import type { ValueCheck } from './value-check.ts'

/** What one run of a callback has observed of one instrument: of one attribute set, the last value. */
type Observations = Map<string, Observation>

/** An observable instrument of a {@link MetricsBuffer}. */
export class BufferedObservable implements Observable {
  /** @internal */
  readonly name: string
  readonly #streams: readonly ObservedStream[]
  readonly #check: ValueCheck
  readonly #attributes: AttributeCheck
  readonly #callbacks: ObservableCallbacks

  /** @internal */
  constructor(
    name: string,
    streams: readonly ObservedStream[],
    check: ValueCheck,
    attributes: AttributeCheck,
    callbacks: ObservableCallbacks,
  ) {
    this.name = name
    this.#streams = streams
    this.#check = check
    this.#attributes = attributes
    this.#callbacks = callbacks
  }

  addCallback(callback: ObservableCallback): void {
    this.#callbacks.add(callback, this)
  }

  removeCallback(callback: ObservableCallback): void {
    this.#callbacks.remove(callback, this)
  }

  /** @internal Whether its callbacks are these. */
  isOf(callbacks: ObservableCallbacks): boolean {
    return this.#callbacks === callbacks
  }

  /** @internal Takes down one value in the course of a callback. */
  observe(into: Observations, value: number, attributes: Attributes = {}): void {
    const accepted = this.#check.accept(value)
    if (Number.isNaN(accepted)) return
    // A copy: the callback may change its object for the next one.
    const kept = this.#attributes.accept(attributes)
    into.set(attributeKey(kept), { attributes: kept, value: accepted })
  }

  /** @internal Records what a callback that has come to its end has observed. */
  record(observations: Observations, generations: Generations): void {
    for (const stream of this.#streams) stream.record(observations, generations.hot)
  }
}

/** One callback, and what it observes. */
interface Registration {
  readonly callback: unknown
  readonly observables: ReadonlySet<BufferedObservable>
  readonly source: CollectionSource<Run>
}

/** What a run of a callback has gathered. */
interface Run {
  readonly errors: readonly unknown[]
  readonly observed: ReadonlyMap<BufferedObservable, Observations>
}

/**
 * The callbacks of all observable instruments of one buffer. Each is a source of its own: one that throws, rejects or hangs
 * costs only what it observes, what comes late counts in a later turn, and none is run twice at a time.
 */
export class ObservableCallbacks {
  readonly #generations: Generations
  /** Of all runs, also of callbacks that are registered no more. */
  readonly counts: CollectionCounts = { errors: 0, late: 0 }
  #registrations: readonly Registration[] = []

  constructor(generations: Generations) {
    this.#generations = generations
  }

  add(callback: ObservableCallback, observable: BufferedObservable): void {
    this.#register(callback, new Set([observable]), observable.name, (run) =>
      callback({ observe: (value, attributes) => observe(run, observable, value, attributes) }),
    )
  }

  remove(callback: ObservableCallback, observable: BufferedObservable): void {
    this.#unregister(callback, new Set([observable]))
  }

  addBatch(callback: BatchObservableCallback, observables: readonly Observable[]): void {
    const ours = this.#ownOf(observables)
    if (ours.size === 0) {
      report('error', 'sluice: addBatchObservableCallback needs at least one observable instrument of this buffer')
      return
    }
    if (new Set(observables).size > ours.size) {
      report('warn', 'sluice: addBatchObservableCallback leaves out what is no observable instrument of this buffer')
    }
    const names = [...ours].map(({ name }) => name).join(', ')
    const resultFor = (run: Map<BufferedObservable, Observations>): BatchObservableResult => ({
      observe: (metric, value, attributes) => {
        if (metric instanceof BufferedObservable && ours.has(metric)) observe(run, metric, value, attributes)
      },
    })
    this.#register(callback, ours, names, (run) => callback(resultFor(run)))
  }

  removeBatch(callback: BatchObservableCallback, observables: readonly Observable[]): void {
    this.#unregister(callback, this.#ownOf(observables))
  }

  /** Runs every callback once. Resolves within `timeoutMillis`; never rejects. */
  async collect(timeoutMillis: number): Promise<void> {
    await Promise.all(this.#registrations.map(({ source }) => source.collect(timeoutMillis)))
  }

  #register(
    callback: unknown,
    observables: ReadonlySet<BufferedObservable>,
    names: string,
    call: (run: Map<BufferedObservable, Observations>) => unknown,
  ): void {
    if (typeof callback !== 'function') {
      report(
        'error',
        `sluice: the callback of ${names} must be a function, got ${shown(callback)}: it is not registered`,
      )
      return
    }
    if (this.#find(callback, observables) !== undefined) return
    const source = new CollectionSource<Run>(
      `the callback of ${names}`,
      this.counts,
      async () => {
        const observed = new Map<BufferedObservable, Observations>()
        await call(observed)
        return { errors: [], observed }
      },
      async ({ observed }) => {
        for (const [observable, observations] of observed) observable.record(observations, this.#generations)
      },
    )
    this.#registrations = [...this.#registrations, { callback, observables, source }]
  }

  #unregister(callback: unknown, observables: ReadonlySet<BufferedObservable>): void {
    const known = this.#find(callback, observables)
    this.#registrations = this.#registrations.filter((registration) => registration !== known)
  }

  /** Plain JavaScript may give anything for a list of instruments; those of another buffer record into that one alone. */
  #ownOf(observables: readonly Observable[]): ReadonlySet<BufferedObservable> {
    const own = new Set<BufferedObservable>()
    try {
      for (const each of observables) if (this.#isOwn(each)) own.add(each)
    } catch {
      // No list.
    }
    return own
  }

  #isOwn(observable: unknown): observable is BufferedObservable {
    try {
      return observable instanceof BufferedObservable && observable.isOf(this)
    } catch {
      // A proxy.
      return false
    }
  }

  #find(callback: unknown, observables: ReadonlySet<BufferedObservable>): Registration | undefined {
    return this.#registrations.find(
      (registration) =>
        registration.callback === callback &&
        registration.observables.size === observables.size &&
        [...observables].every((observable) => registration.observables.has(observable)),
    )
  }
}

function observe(
  run: Map<BufferedObservable, Observations>,
  observable: BufferedObservable,
  value: number,
  attributes: Attributes | undefined,
): void {
  let observations = run.get(observable)
  if (observations === undefined) {
    observations = new Map()
    run.set(observable, observations)
  }
  observable.observe(observations, value, attributes)
}
