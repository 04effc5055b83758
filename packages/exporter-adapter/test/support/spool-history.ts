import { join } from 'node:path'
import fc from 'fast-check'
import { vi } from 'vitest'
import { type FileCalls, nodeFs } from '../../src/spool/file-calls.ts'
import { MemoryDisk } from './memory-disk.ts'
import type { Answer } from './scripted-exporter.ts'
import { type DiskFault, directoryOfThisTest, forgetLivingSpools, openSpoolsWith } from './spool-fs.ts'
import { Backend, type Death, INTERVAL, KINDS, type Kind, SpoolingProcess } from './spooling-process.ts'

export type Step =
  | {
      readonly do: 'record'
      readonly name: 'counter' | 'upDown' | 'histogram'
      readonly value: number
      readonly series: number
    }
  | { readonly do: 'answer'; readonly exporter: number; readonly answer: Answer }
  | { readonly do: 'settle'; readonly exporter: number; readonly well: boolean }
  | { readonly do: 'wait'; readonly millis: number }
  | { readonly do: 'flush' | 'forceFlush' | 'collect' }
  /** A flush that is waited for. */
  | { readonly do: 'flushed' }
  | { readonly do: 'disk'; readonly fault: DiskFault }
  | { readonly do: 'clock'; readonly byMillis: number }
  /** At once; what was under way may have arrived. */
  | { readonly do: 'crash'; readonly hasArrived: boolean }
  /** At once, with the machine: what was not synchronised is lost but for this share of the changes of names. */
  | { readonly do: 'powerCut'; readonly share: number }
  /** Later: at a call of the file system, or in an Export call. */
  | { readonly do: 'crashAtCall'; readonly calls: number }
  | { readonly do: 'crashInExport'; readonly exporter: number; readonly when: Death }
  | { readonly do: 'shutdown'; readonly timeoutMillis: number }

const ANSWERS: readonly Answer[] = [
  'success',
  'success',
  'failBefore',
  'failAfter',
  'failPlain',
  'throwBefore',
  'rejectPromise',
  'reject',
  'hang',
  'twice',
  'flap',
  { afterMillis: 0.3 * INTERVAL },
  { afterMillis: 1.3 * INTERVAL },
]

const exporter = fc.integer({ min: 0, max: 2 })
const just = <const T>(value: T) => fc.constant(value)
const weighed = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })

const death: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: just('crash'), hasArrived: fc.boolean() }),
  fc.record({ do: just('powerCut'), share: fc.constantFrom(0, 0.5, 1) }),
  weighed(2, fc.record({ do: just('crashAtCall'), calls: fc.integer({ min: 0, max: 80 }) })),
  fc.record({ do: just('crashInExport'), exporter, when: fc.constantFrom('beforeSending', 'afterSending') }),
  fc.record({ do: just('shutdown'), timeoutMillis: fc.constantFrom(1, 300, 2 * INTERVAL) }),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  weighed(
    8,
    fc.record({
      do: just('record'),
      name: fc.constantFrom('counter', 'upDown', 'histogram'),
      value: fc.integer({ min: 1, max: 1000 }),
      series: fc.integer({ min: 0, max: 3 }),
    }),
  ),
  weighed(4, fc.record({ do: just('answer'), exporter, answer: fc.constantFrom(...ANSWERS) })),
  weighed(1, fc.record({ do: just('settle'), exporter, well: fc.boolean() })),
  weighed(8, fc.record({ do: just('wait'), millis: fc.constantFrom(1, 0.4 * INTERVAL, INTERVAL, 7 * INTERVAL) })),
  weighed(3, fc.record({ do: fc.constantFrom('flush', 'forceFlush', 'collect') })),
  weighed(4, fc.record({ do: just('flushed') })),
  weighed(
    1,
    fc.record({
      do: just('disk'),
      fault: fc.constantFrom(
        'well',
        'well',
        'well',
        'full',
        'takesNames',
        'hangs',
        'readOnly',
        'broken',
        'flaky',
        'readOnce',
        'keepsProgress',
        'renamesUnsynced',
      ),
    }),
  ),
  weighed(1, fc.record({ do: just('clock'), byMillis: fc.constantFrom(-3_600_000, -5_000, 5_000, 3_600_000) })),
  weighed(4, death),
)

export const history = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
  /** The adapters: one alone, or all of them side by side. */
  kinds: fc.oneof(
    weighed(
      5,
      fc.constantFrom(...KINDS).map((kind): readonly Kind[] => [kind]),
    ),
    just(KINDS),
  ),
  /** How much of each backoff the jitter leaves, in turn. Not always nothing: a retry each millisecond is no history. */
  jitter: fc.array(fc.constantFrom(0, 0.001, 0.3, 0.9, 0.999), { maxLength: 3 }).map((shares) => [...shares, 0.5]),
})

/** The disk of a history. */
export interface Place {
  readonly disk: FileCalls & Partial<Pick<MemoryDisk, 'losePower'>>
  readonly directory: string
}

/** Gone at the end of the test. */
export const realPlace = (): Place => ({ disk: nodeFs.blocking, directory: directoryOfThisTest() })
export const placeInMemory = (): Place => ({ disk: new MemoryDisk(), directory: '/spool' })

/** One process after the other on one spool directory, in front of receivers that remember. Wants fake timers. */
export class SpoolWorld {
  readonly place: Place
  readonly kinds: readonly Kind[]
  readonly backends: readonly Backend[]
  readonly processes: SpoolingProcess[] = []
  readonly #answers: Answer[]
  #fault: DiskFault = 'well'

  constructor(place: Place, kinds: readonly Kind[] = KINDS) {
    this.place = place
    this.kinds = kinds
    this.backends = kinds.map(() => new Backend())
    this.#answers = kinds.map(() => 'success')
    openSpoolsWith(() => ({ fs: this.process.fs, identity: this.process.identity }))
    this.#start()
  }

  get process(): SpoolingProcess {
    return this.processes.at(-1)!
  }

  async take(step: Step): Promise<void> {
    const { process } = this
    switch (step.do) {
      case 'record':
        process.record(step.name, step.value, step.series)
        break
      case 'answer':
        this.#answers[this.#index(step.exporter)] = step.answer
        process.exporters[this.#index(step.exporter)]!.answer = step.answer
        break
      case 'settle': {
        const call = process.exporters[this.#index(step.exporter)]!.hanging[0]
        if (step.well) call?.succeed()
        else call?.fail()
        break
      }
      case 'wait':
        await vi.advanceTimersByTimeAsync(step.millis)
        break
      case 'flush':
        void process.flush().catch(() => undefined)
        break
      case 'flushed':
        await this.#flushed(process)
        break
      case 'forceFlush':
      case 'collect':
        void process.reader[step.do]().catch(() => undefined)
        break
      case 'disk':
        this.#fault = step.fault
        process.fs.fault = step.fault
        break
      case 'clock':
        vi.setSystemTime(Date.now() + step.byMillis)
        if (step.byMillis < -60_000) {
          for (const { receiver, rejected } of this.backends)
            for (const each of [receiver, rejected]) each.clockSetBack()
        }
        break
      case 'crash':
        process.die()
        if (!step.hasArrived) break
        for (const { hanging, receiver } of process.exporters) for (const call of hanging) receiver.take(call.metrics)
        break
      case 'powerCut':
        process.die()
        this.place.disk.losePower?.(step.share)
        break
      case 'crashAtCall':
        process.fs.diesAtCall = process.fs.calls + step.calls
        break
      case 'crashInExport':
        process.dies = { exporter: this.#index(step.exporter), when: step.when }
        break
      case 'shutdown':
        await this.#shutDown(step.timeoutMillis)
    }
    await vi.advanceTimersByTimeAsync(0)
    if (this.process.isDead) this.#start()
  }

  /** Everything is well from now on: a last process sends what there is, and ends. */
  async recover(): Promise<void> {
    this.#fault = 'well'
    this.#answers.fill('success')
    this.process.die()
    this.#start()
    // What cannot be claimed at once is looked for again after a minute.
    for (let turns = 0; turns < 2 || (turns < 14 && this.left.length > this.kinds.length); turns++) {
      await vi.advanceTimersByTimeAsync(INTERVAL)
    }
    await this.#shutDown(2 * INTERVAL)
    vi.clearAllTimers()
  }

  /** What lies in the folders of the adapters. */
  get left(): string[] {
    const { disk, directory } = this.place
    return disk.readdir(directory).flatMap((folder) => disk.readdir(join(directory, folder)))
  }

  async #shutDown(timeoutMillis: number): Promise<void> {
    const { process } = this
    const end = process.reader.shutdown({ timeoutMillis }).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(timeoutMillis + INTERVAL)
    await (process.isDead || end)
    if (process.isDead) return
    // A disk that hangs for less than its deadline is not known to fail; it is the shutdown that says that it was not done.
    if (this.#fault !== 'hangs') process.acknowledge(process.recorded)
    process.die()
  }

  /** A collection may hang in what another one waits for: an interval is enough for everything that comes to an end. */
  async #flushed(process: SpoolingProcess): Promise<void> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    void process.flush().then(done, done)
    for (let millis = 0; !isDone && !process.isDead && millis < INTERVAL; millis += INTERVAL / 10) {
      await vi.advanceTimersByTimeAsync(millis)
    }
  }

  #index(exporter: number): number {
    return exporter % this.kinds.length
  }

  #start(): void {
    // The timers and the spools of the one before are dead as well.
    forgetLivingSpools()
    const now = Date.now()
    vi.useRealTimers()
    vi.useFakeTimers({ now })
    const process = new SpoolingProcess(this.processes.length, {
      ...this.place,
      kinds: this.kinds,
      backends: this.backends,
    })
    process.fs.fault = this.#fault
    process.exporters.forEach((each, i) => {
      each.answer = this.#answers[i]!
    })
    this.processes.push(process)
  }
}
